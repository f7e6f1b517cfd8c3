"""Reports as self-contained HTML pages."""

from __future__ import annotations

import base64
import datetime as dt
import html
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TypeAlias

from kit.reports.figure import DPI
from kit.reports.table import Table

REPORT = "report.html"

_SHOWN = 96  # CSS pixels per inch
_READABLE = 0.75  # share of its width that a picture keeps on a phone, where it scrolls

# Nothing may be loaded from elsewhere: the page contains everything.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: only light; }
body { margin: 0 auto; padding: 1rem; max-width: 84rem; background: #fff; color: #111;
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid #bbb; }
a { color: #00508c; }
nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; }
.scroll { overflow-x: auto; margin: .25rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top;
  white-space: nowrap; }
thead th { border-bottom: 2px solid #666; vertical-align: bottom; }
th:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
tbody th { font-weight: normal; }
figure { margin: 1.25rem 0; }
img { display: block; max-width: 100%; height: auto; }
figcaption, footer { color: #444; font-size: .9rem; }
figcaption:first-child { color: inherit; font-size: 1rem; font-weight: bold; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its alternative text."""

    png: bytes
    description: str


Block: TypeAlias = str | Table | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, tables and pictures below it."""

    title: str
    blocks: tuple[Block, ...]


def write_page(title: str, sections: Sequence[Section]) -> str:
    """Build a page with a heading, links to its sections, and the sections.

    Returns:
        HTML; every text in it is escaped.
    """
    links = "".join(f'<li><a href="#{_anchor(section)}">{_text(section.title)}</a></li>' for section in sections)
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC by kit {metadata.version('kit')}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1 id="top">{_text(title)}</h1>
<nav><ul>{links}</ul></nav>
<main>
{"".join(_section(section) for section in sections)}</main>
<footer>Made {made}. <a href="#top">To the top</a></footer>
</body>
</html>
"""


def _section(section: Section) -> str:
    blocks = "".join(_block(block) for block in section.blocks)
    return f'<section id="{_anchor(section)}">\n<h2>{_text(section.title)}</h2>\n{blocks}</section>\n'


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Picture():
            return _picture(block)
        case _:
            return f"<p>{_text(block)}</p>\n"


def _table(table: Table) -> str:
    caption = f"<figcaption>{_text(table.title)}</figcaption>" if table.title else ""
    head = "".join(f'<th scope="col">{_heading(name)}</th>' for name in table.columns)
    rows = "".join(f"<tr>{_row(row)}</tr>\n" for row in table.rows)
    return (
        f'<figure>{caption}<div class="scroll" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div></figure>\n"
    )


def _heading(name: str) -> str:
    """Escape the name of a column; words parted for a narrow screen are whole."""
    return _text(name.replace("-\n", ""))


def _row(row: Sequence[str]) -> str:
    first, *others = (_text(cell) for cell in row)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others)


def _picture(picture: Picture) -> str:
    pixels, _ = struct.unpack(">II", picture.png[16:24])  # width and height in a PNG's first chunk
    width = round(pixels * _SHOWN / DPI)
    data = base64.b64encode(picture.png).decode()
    text = _text(picture.description)
    return (
        f'<figure><div class="scroll" tabindex="0"><img src="data:image/png;base64,{data}" alt="{text}" width="{width}"'
        f' style="min-width: {round(_READABLE * width)}px"></div><figcaption>{text}</figcaption></figure>\n'
    )


def _text(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _anchor(section: Section) -> str:
    return re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")
