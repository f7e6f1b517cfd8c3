"""Table and picture of the figures of each tag."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.tag_figures import TagFigures
from kit.metrics.f_scores import f_of_counts, precision_of_counts, recall_of_counts
from kit.reports.matrix import READABLE, SHORT, plot_matrix
from kit.reports.table import NOTHING, Table, exact

FILE = "tags.csv"
_SHORT = ("images", "AUC", "AP", "F1", "preci-\nsion", "recall", "thresh-\nold")
_DRAWN = {"AUC": "auc", "AP": "average_precision", "F1": "f1", "precision": "precision", "recall": "recall"}
_ROWS = 10


def tags_table(title: str, figures: TagFigures, names: Sequence[str]) -> Table:
    """Build one row per tag, and those of all tags together.

    Args:
        title: Name of the evaluated predictions.
        figures: Figures of the tags.
        names: Names of the tags.
    """
    return _table(f"{title}: each tag", figures, names, range(len(names)))


def weakest_tags(title: str, figures: TagFigures, names: Sequence[str]) -> Table:
    """Build the rows of the ten tags of the lowest F1 among those with images, and of all tags together.

    Args:
        title: Name of the evaluated predictions.
        figures: Figures of the tags.
        names: Names of the tags.
    """
    weakest = figures.weakest()
    shown = weakest[:_ROWS]
    words = f"the {len(shown)} lowest F1 of {len(weakest):,} tags with images; {FILE} has all"
    return _table(f"{title}: {words}", figures, names, shown)


def tags_csv(figures: TagFigures, names: Sequence[str]) -> str:
    """Write the figures of every tag with every digit, and of all tags together, as CSV.

    Args:
        figures: Figures of the tags.
        names: Names of the tags.
    """
    columns = figures.columns()
    values = zip(figures.support.tolist(), *(column.tolist() for column in columns.values()), strict=True)
    rows = [(name, *map(_exact, row)) for name, row in zip(names, values, strict=True)]
    rows += [(name, *map(_exact, row)) for name, row in _averages(figures).items()]
    return Table("", ("tag", "images", *columns), tuple(rows)).csv()


def plot_tags(title: str, figures: TagFigures, names: Sequence[str]) -> bytes:
    """Draw the figures of each tag as a matrix; of more than 30, those of the lowest F1.

    Args:
        title: Name of the evaluated predictions.
        figures: Figures of the tags.
        names: Names of the tags.

    Returns:
        A PNG.
    """
    weakest = figures.weakest()
    shown = list(range(len(names))) if len(names) <= READABLE else weakest[:READABLE]
    few = f"\nthe {len(shown)} lowest F1 of {len(weakest):,} tags with images" if len(shown) < len(names) else ""
    values = np.stack([getattr(figures, name)[shown] for name in _DRAWN.values()], axis=1)
    rows = tuple(f"{names[index]}, n\u00a0=\u00a0{figures.support[index]:,}" for index in shown)
    cells = [[_cell(value, 3) for value in row] for row in values]
    return plot_matrix(np.nan_to_num(values), cells, rows, tuple(_DRAWN), title=f"{title}{few}", cell=SHORT)


def _table(title: str, figures: TagFigures, names: Sequence[str], indices: Sequence[int]) -> Table:
    columns = list(figures.columns().values())
    rows = [
        (names[index], f"{figures.support[index]:,}", *(_cell(column[index]) for column in columns))
        for index in indices
    ]
    rows += [(name, f"{images:,.0f}", *map(_cell, values)) for name, (images, *values) in _averages(figures).items()]
    return Table(title, ("tag", *_SHORT), tuple(rows), kept=("AUC", "F1"))


def _averages(figures: TagFigures) -> dict[str, tuple[float, ...]]:
    """Pool the decisions of all tags, and average their figures over the tags that have them."""
    pooled, images = figures.pooled, float(figures.support.sum())
    scores = (f_of_counts(1)(pooled), precision_of_counts(pooled), recall_of_counts(pooled))
    micro = (np.nan, np.nan, *(float(score[0]) for score in scores), np.nan)
    macro = (*(_mean(getattr(figures, name)) for name in _DRAWN.values()), np.nan)
    return {"micro avg": (images, *micro), "macro avg": (images, *macro)}


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else np.nan


def _cell(value: float, digits: int = 4) -> str:
    return NOTHING if np.isnan(value) else f"{value:.{digits}f}"


def _exact(value: float) -> str:
    return "" if np.isnan(value) else exact(value)
