"""Tables of text, independent of their rendering."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

NOTHING = "—"

_ESCAPED = str.maketrans(
    {"|": "\\|", "<": "&lt;", "&": "&amp;"}
)  # characters that Markdown would read as the end of a cell, or as HTML


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under column names; the first column names the row, the others are aligned right.

    Attributes:
        title: Title in one line; may be empty.
        columns: Names of the columns.
        rows: Cells as text; a cell may have two lines.
        kept: Names of the columns to show first on a narrow screen; the last one has the highest priority.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Format the table as GitHub Markdown."""
        lines = [self.columns, ("---", *("---:" for _ in self.columns[1:])), *self.rows]
        return "".join(f"| {' | '.join(one_line(cell).translate(_ESCAPED) for cell in line)} |\n" for line in lines)

    def csv(self) -> str:
        """Format the table as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        return text.getvalue()


def one_line(cell: str) -> str:
    """Join the lines of a cell, and the parts of hyphenated words."""
    return cell.replace("-\n", "").replace(",\n", ",").replace("/\n", "/").replace("\n", " ")


def exact(value: object) -> str:
    """Format a value with every digit; empty for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)
