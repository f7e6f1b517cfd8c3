"""Console output: progress, tables and results, on a terminal or in a file."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table as RichTable
from rich.text import Text

from kit.cli.status_line import WAITING
from kit.names import printable
from kit.reports.table import Table

_EVERY = 5.0  # seconds between plain lines
_QUIET = 2.0  # seconds before a terminal shows a bar: shorter work needs none
_REFRESH = 0.2  # seconds between redraws of a bar
_PADDING = 3  # columns of a border and its spaces
_EDGES = 2  # columns of the margins left and right
_FILE_WIDTH = 160  # columns without a terminal

_shown: list[Progress | Live] = []  # currently on the screen


class ConsoleProgress:
    """A progress bar on a terminal, occasional plain lines elsewhere; always on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._task_id: TaskID | None = None
        self._task, self._done, self._total = "", 0, 0
        self._began = self._said = self._drawn = 0.0

    def start(self, task: str, total: int) -> None:
        """Start `task`."""
        self.finish()
        self._task, self._done, self._total = task, 0, total
        self._began = self._said = time.monotonic()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Advance the bar; a note is printed as a line of its own."""
        self._done += steps
        if self._console.is_terminal:
            self._draw(note)
        elif note or self._is_due:
            self._say(note)

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            hide_live(self._bar)
            self._bar = None

    @property
    def _is_early(self) -> bool:
        return time.monotonic() - self._began < _QUIET

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._said > _EVERY

    def _draw(self, note: str) -> None:
        if note:
            WAITING.end()
            self._console.print(screen_text(note, style="dim"), soft_wrap=True)
        if self._bar is None and self._is_early:
            return
        if self._bar is None:
            self._bar = _new_bar(self._console)
            self._task_id = self._bar.add_task(self._task, total=self._total)
            show_live(self._bar)
        if self._task_id is not None:
            self._bar.update(self._task_id, completed=self._done)
        if time.monotonic() - self._drawn > _REFRESH:
            self._drawn = time.monotonic()
            self._bar.refresh()

    def _say(self, note: str) -> None:
        WAITING.end()
        self._said = time.monotonic()
        line = f"{self._task}: {self._done:,}/{self._total:,}"
        self._console.print(screen_text(f"{line}  {note}" if note else line), soft_wrap=True)


def show_live(picture: Progress | Live) -> None:
    """Show a live display, and remember that it is on the screen."""
    WAITING.end()
    _shown.append(picture)
    picture.start()


def hide_live(picture: Progress | Live) -> None:
    """Remove a live display from the screen."""
    picture.stop()
    _shown.remove(picture)


def hide_all() -> None:
    """Remove bars and tables of failed work from the screen, and show the cursor again."""
    WAITING.end()
    while _shown:
        _shown.pop().stop()


def _new_bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # Redrawn on changes only, so that an idle bar does not fill the file of a recorded terminal.
    return Progress(*columns, console=console, transient=True, auto_refresh=False)


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables on stdout; a table that is too wide continues below, with the same first column.

    On a terminal, titles break between words; in a file each is one line.
    """
    console = _stdout()
    for table in tables:
        if table.title:
            console.print(screen_text(table.title, style="bold"), soft_wrap=not console.is_terminal)
        for columns in _fitting(table, console.width):
            console.print(_draw(table, columns))


def _draw(table: Table, columns: Sequence[int]) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_lines=_is_tall(table))
    for index in columns:
        drawn.add_column(screen_text(table.columns[index]), justify="right" if index else "left", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(screen_text(row[index]) for index in columns))
    return drawn


def _fitting(table: Table, width: int) -> list[list[int]]:
    """Split the columns over as many tables as the width needs, each with the first column.

    The first table also has the columns to show first, as far as they fit.
    """
    cells = [table.columns, *table.rows]
    widths = [
        max(len(line) for row in cells for line in row[index].splitlines() or [""]) + _PADDING
        for index in range(len(table.columns))
    ]

    def fits(indices: Iterable[int]) -> bool:
        return sum(widths[index] for index in indices) + _EDGES <= width

    kept = [index for index, name in enumerate(table.columns) if name in table.kept]
    while kept and not fits([0, *kept]):
        del kept[0]
    parts: list[list[int]] = [[0, *kept]]
    for index in range(1, len(widths)):
        if index in kept:
            continue
        if len(parts[-1]) > 1 and not fits([*parts[-1], index]):
            parts.append([0])
        parts[-1].append(index)
    return [sorted(part) for part in parts]


def screen_text(text: str, style: str = "") -> Text:
    """Build text for the screen, without control characters and markup; all output passes through here."""
    return Text(printable(text), style=style)


def print_line(text: str) -> None:
    """Print a line on stdout, without wrapping."""
    _stdout().print(screen_text(text), soft_wrap=True)


def print_json(value: object) -> None:
    """Print a result as JSON."""
    WAITING.end()
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=_plain), indent=2).decode()
    sys.stdout.write(re.sub(r"[^\n -~]", _json_escape, text) + "\n")


def _stdout() -> Console:
    WAITING.end()
    is_wide = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if is_wide else _FILE_WIDTH)


def _is_tall(table: Table) -> bool:
    return any("\n" in cell for row in table.rows for cell in row)


def _json_escape(found: re.Match[str]) -> str:
    """Escape characters that could control a terminal, in JSON's own way; others are unchanged."""
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def _plain(value: object) -> object:
    """Convert paths to strings and arrays to lists."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
