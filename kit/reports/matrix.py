"""A matrix as a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kit.reports.figure import new_figure, png


def plot_matrix(
    values: NDArray[np.float64],
    cells: list[list[str]],
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    title: str,
    axis_names: tuple[str, str] = ("", ""),
) -> bytes:
    """Draw a matrix of shares with a text in each cell.

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
    figure = new_figure(2.5 + 0.9 * len(columns), 1.6 + 0.7 * len(rows))
    axes = figure.subplots()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=30 if len(columns) > 4 else 0)  # noqa: PLR2004 (crowded)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    axes.set_title(title, fontsize=10)
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            dark = values[row, column] > 0.5  # noqa: PLR2004 (the colour map's middle)
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
