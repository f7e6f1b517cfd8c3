"""A matrix as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.reports.figure import new_figure, png

_WIDE, _HIGH, _SMALL = 0.9, 0.7, 0.2  # inches a cell: with a text, and without
_NARROWEST = 5.8  # inches that a title of two lines takes
_READABLE = 30  # rows or columns
_CROWDED = 4  # columns whose names lie side by side
_DARK = 0.62  # share from which white reads better than black on it


def plot_matrix(
    values: NDArray[np.float64],
    cells: list[list[str]],
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    title: str,
    axis_names: tuple[str, str] = ("", ""),
) -> bytes:
    """Draw a matrix of shares with a text in each cell; one of more than 30 rows or columns without the texts.

    Args:
        values: float [rows, columns], 0 to 1; the darker the larger.
        cells: texts of the same layout.
        rows: names.
        columns: names.
        title: above.
        axis_names: what columns and rows stand for.

    Returns:
        A PNG.
    """
    is_large = max(len(rows), len(columns)) > _READABLE
    width, height = (_SMALL, _SMALL) if is_large else (_WIDE, _HIGH)
    figure = new_figure(max(_NARROWEST, 2.5 + width * len(columns)), 1.6 + height * len(rows))
    figure.suptitle(title, fontsize=10, parse_math=False)
    axes = figure.subplots()
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=90 if is_large else 30 if len(columns) > _CROWDED else 0)
    axes.set_yticks(range(len(rows)), [row.replace("\n", ", ") for row in rows] if is_large else rows)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    if is_large:
        figure.colorbar(image, shrink=0.6)
        return png(figure)
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
