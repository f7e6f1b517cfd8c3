"""Tables of text, independent of their rendering."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace

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

    def head(self, most: int, file: str = "", *, last: int = 0) -> Table:
        """Keep the first rows, and count the others in a row below them.

        Args:
            most: Number of rows to keep.
            file: Name of the file that has all of them; empty where the title names it.
            last: Number of the kept rows that are the last ones, below that row.
        """
        if len(self.rows) <= most:
            return self
        where = f" in {file}" if file else ""
        more = (f"… and {len(self.rows) - most:,} more{where}", *("" for _ in self.columns[1:]))
        first, end = self.rows[: most - last], self.rows[len(self.rows) - last :]
        return replace(self, rows=(*first, more, *end))


def markdown_file(tables: Iterable[Table]) -> str:
    """Format tables as GitHub Markdown one below the other, each under its title."""
    return "\n".join(
        f"**{table.title}**\n\n{table.markdown()}" if table.title else table.markdown() for table in tables
    )


def one_line(cell: str) -> str:
    """Join the lines of a cell, and the parts of hyphenated words."""
    return cell.replace("-\n", "").replace(",\n", ",").replace("/\n", "/").replace("\n", " ")


def exact(value: object) -> str:
    """Format a value with every digit; empty for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)
