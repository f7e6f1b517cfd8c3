"""Lines of a CSV that people edit too: read strictly, so that a damaged one is named and never swallows others."""

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
        number: Line of the file that it begins at, the header being 1.
        cells: Texts by column.
        is_changed: Whether somebody changed it since kit wrote it.
    """

    number: int
    cells: Mapping[str, str]
    is_changed: bool = False

    @property
    def index(self) -> re.Match[str] | None:
        """Its index among how many lines, as its seal has them."""
        return _SEALED.fullmatch(self.cells.get(SEAL, ""))


def read_lines(path: Path, required: Collection[str]) -> list[Line]:
    """Read a ledger, in which every line has a cell for every column; blank lines are left out.

    Args:
        path: CSV file.
        required: Columns that make a ledger.

    Raises:
        SubmissionError: The file is no CSV or lacks a column, or a line of it is damaged, which is named.
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
    """Seal a line: its index among how many, and a hash of its cells.

    What pandas and spreadsheets do to numbers leaves the hash as it is.

    Args:
        cells: Texts by column, the seal's left out.
        numbers: Columns of numbers.
        index: Index of the line, from 1.
        count: Lines of the file.
    """
    meant = {name: _number(text) if name in numbers else text for name, text in cells.items()}
    return f"{index}/{count}-{xxh3_64_hexdigest(msgspec.json.encode([index, count, meant]))}"


def changed_seal(index: int, count: int) -> str:
    """Mark a line that somebody changed, so that it stays marked when kit writes the file anew."""
    return f"{index}/{count}-{_CHANGED}"


def remarks(path: Path, lines: Sequence[Line]) -> list[str]:
    """Say which lines were changed, are missing or stand twice since kit wrote them; nothing if none."""
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
    """Split a text into rows, each with the line that it begins at."""
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
    """Check the header; columns without a name and without a text are those that spreadsheets leave at the end."""
    named = list(names)
    while named and not named[-1] and not any("".join(cells[len(named) - 1 :]).strip() for cells in rows):
        named.pop()
    if twice := [name for name in dict.fromkeys(named) if named.count(name) > 1]:
        raise SubmissionError(f"{path}, line 1: two columns are called '{twice[0]}'; rename or remove one")
    return named


def _with_seals(lines: Sequence[Line]) -> str | None:
    """Find a column of seals under another name, without which nothing would be compared with them."""
    return next((name for line in lines for name, text in line.cells.items() if _SEALED.fullmatch(text)), None)


def _cells(path: Path, number: int, names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(names) or any(map(str.strip, cells[len(names) :])):
        raise SubmissionError(
            f"{path}, line {number} is cut or damaged (cells: {len(cells):,}, columns: {len(names):,}); mend the line,"
            " or move it to another file"
        )
    return dict(zip(names, cells, strict=False))


def _number(text: str) -> str:
    """Write a number as short as programs do that show no more than nine digits; texts stay as they are."""
    with contextlib.suppress(ValueError):
        return f"{float(text):.9g}"
    return text.strip()
