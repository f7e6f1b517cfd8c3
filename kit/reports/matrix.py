"""Picture of a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kit.reports.figure import new_figure, png
from kit.reports.tiles import wrapped

CELL = (0.9, 0.7)  # inches per cell with a text of two lines
SHORT = (0.56, 0.36)  # inches per cell with a short text of one line
_NARROWEST = 5.8  # inches of a two-line title
READABLE = 30  # rows; larger matrices are shortened before they are drawn
_NAME = 24  # characters per line of a name
_LEVEL = 14  # characters of a name written horizontally below its column
_LETTER = 0.09  # inches
_CROWDED = 4  # columns with horizontal names side by side
_DARK = 0.62  # share from which white text reads better than black


def plot_matrix(
    values: NDArray[np.float64],
    cells: list[list[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    axis_names: tuple[str, str] = ("", ""),
    cell: tuple[float, float] = CELL,
) -> bytes:
    """Draw a matrix of shares with a text in each cell.

    Args:
        values: Float [rows, columns], 0 to 1; larger is darker.
        cells: Texts of the same layout.
        rows: Names of the rows.
        columns: Names of the columns.
        title: Title above the matrix.
        axis_names: Names of the horizontal and the vertical axis.
        cell: Width and height of a cell with a text in inches.

    Returns:
        A PNG.
    """
    width, height = cell
    rows, columns = ([wrapped(name, _NAME) for name in names] for names in (rows, columns))
    beside, below = _longest(rows), _longest(columns)
    is_upright = below > _LEVEL
    left, bottom = max(2.5, 1.1 + _LETTER * beside), max(1.6, 1.2 + _LETTER * below * is_upright)
    figure = new_figure(max(_NARROWEST, left + width * len(columns)), bottom + height * len(rows))
    figure.suptitle(title, fontsize=10, parse_math=False)
    axes = figure.subplots()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    turn = 90 if is_upright else 30 if len(columns) > _CROWDED else 0
    axes.set_xticks(range(len(columns)), columns, rotation=turn, parse_math=False)
    axes.set_yticks(range(len(rows)), rows, parse_math=False)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            dark = values[row, column] > _DARK
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                fontsize=9,
                color="white" if dark else "black",
            )
    return png(figure)


def _longest(names: Iterable[str]) -> int:
    """Count the characters of the longest line."""
    return max(len(line) for name in names for line in name.splitlines() or [""])
