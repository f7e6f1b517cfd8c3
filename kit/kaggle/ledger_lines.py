"""Strict reading of a CSV that people edit too: a damaged line is reported and never swallows others."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from xxhash import xxh3_64_hexdigest

from kit.errors import SubmissionError, first_three

SEAL = "seal"
_CHANGED = "changed"
_SEALED = re.compile(rf"([1-9][0-9]*)/([1-9][0-9]*)-([0-9a-f]{{16}}|{_CHANGED})")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file.

    Attributes:
        number: Line number of its first line in the file; the header is 1.
        cells: Strings by column.
        is_changed: Whether the line was changed since kit wrote it.
    """

    number: int
    cells: Mapping[str, str]
    is_changed: bool = False

    @property
    def index(self) -> re.Match[str] | None:
        """Index and number of lines, from the seal."""
        return _SEALED.fullmatch(self.cells.get(SEAL, ""))


def read_lines(path: Path, required: Collection[str]) -> list[Line]:
    """Read a ledger with a cell for every column in every line; blank lines are skipped.

    Args:
        path: CSV file.
        required: Required columns of a ledger.

    Raises:
        SubmissionError: The file is not a CSV or lacks a column, or a line is damaged.
    """
    try:
        (_, names), *rows = _rows(path.read_text(encoding="utf-8-sig")) or [(1, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SubmissionError(f"{path} is no ledger: {error}; save it as CSV in UTF-8, or restore it") from error
    if missing := [name for name in required if name not in names]:
        raise SubmissionError(
            f"{path} is no ledger: it has no column {missing[0]} between commas; restore it, or move it away"
        )
    rows = [(number, cells) for number, cells in rows if any(map(str.strip, cells))]
    if not rows:
        raise SubmissionError(f"{path} is no ledger: it has a header and no line; restore it, or move it away")
    named = _named(path, names, [cells for _, cells in rows])
    lines = [Line(number, _cells(path, number, named, cells)) for number, cells in rows]
    if SEAL not in named and (renamed := _with_seals(lines)) is not None:
        raise SubmissionError(f"{path}, line 1: column '{renamed}' holds seals; call it {SEAL} again")
    return lines


def seal(cells: Mapping[str, str], numbers: Collection[str], index: int, count: int) -> str:
    """Seal a line: index, number of lines, and a hash of its cells.

    Number formatting by pandas and spreadsheets does not change the hash.

    Args:
        cells: Strings by column, without the seal.
        numbers: Numeric columns.
        index: Index of the line, from 1.
        count: Number of lines in the file.
    """
    meant = {name: _number(text) if name in numbers else text for name, text in cells.items()}
    return f"{index}/{count}-{xxh3_64_hexdigest(msgspec.json.encode([index, count, meant]))}"


def changed_seal(index: int, count: int) -> str:
    """Mark a changed line, so that it stays marked when kit rewrites the file."""
    return f"{index}/{count}-{_CHANGED}"


def remarks(path: Path, lines: Sequence[Line]) -> list[str]:
    """List lines changed, missing or duplicated since kit wrote the file; empty without any."""
    changed = [str(line.number) for line in lines if line.is_changed]
    indices = [(int(line.index[1]), int(line.index[2])) for line in lines if line.index]
    seen = {index for index, _ in indices}
    lost = max((count for _, count in indices), default=0) - len(seen) - sum(line.index is None for line in lines)
    found = []
    if changed:
        which = f"line {changed[0]} was" if len(changed) == 1 else f"lines {first_three(changed, len(changed))} were"
        found.append(f"{which} changed since kit wrote the file; if that is meant, empty the cells in column {SEAL}")
    if lost > 0:
        found.append(
            f"lines are missing ({lost:,}) since kit wrote the file; unless that is meant, restore them from a copy"
        )
    if len(indices) > len(seen):
        found.append(f"lines stand in it twice ({len(indices) - len(seen):,}); remove the copies")
    return [f"{path}: {what}" for what in found]


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Split a text into rows, each with its first line number."""
    rows, begin = [], 1
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for cells in reader:
            rows.append((begin, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {begin}: {error}") from error
    return rows


def _named(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Check the header; spreadsheets leave columns without name and content at the end."""
    named = list(names)
    while named and not named[-1] and not any("".join(cells[len(named) - 1 :]).strip() for cells in rows):
        named.pop()
    if twice := [name for name in dict.fromkeys(named) if named.count(name) > 1]:
        raise SubmissionError(f"{path}, line 1: two columns are called '{twice[0]}'; rename or remove one")
    return named


def _with_seals(lines: Sequence[Line]) -> str | None:
    """Find the column of seals under another name: without it no line could be checked."""
    return next((name for line in lines for name, text in line.cells.items() if _SEALED.fullmatch(text)), None)


def _cells(path: Path, number: int, names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(names) or any(map(str.strip, cells[len(names) :])):
        raise SubmissionError(
            f"{path}, line {number} is cut or damaged (cells: {len(cells):,}, columns: {len(names):,}); fix the line,"
            " or move it to another file"
        )
    return dict(zip(names, cells, strict=False))


def _number(text: str) -> str:
    """Format a number with at most nine digits, as many programs do; other strings are unchanged."""
    with contextlib.suppress(ValueError):
        return f"{float(text):.9g}"
    return text.strip()
