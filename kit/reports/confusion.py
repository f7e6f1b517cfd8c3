"""What a screen shows of many classes: the pairs that are confused most, and the classes recognised worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kit.reports.table import Table

MANY = 20  # classes; the whole matrix of more is for a file
_ROWS = 10


def confused_pairs(confusion: NDArray[np.int64], support: NDArray[np.int64], classes: Sequence[str]) -> Table:
    """List the ten pairs of classes with the most mistakes, true class first.

    Args:
        confusion: Int [classes, classes], rows true, columns predicted.
        support: Int [classes], images of each true class.
        classes: Names.
    """
    mistakes = confusion.copy()
    np.fill_diagonal(mistakes, 0)
    pairs = np.argwhere(mistakes)
    counts = mistakes[pairs[:, 0], pairs[:, 1]]
    order = np.lexsort((-counts / np.maximum(support[pairs[:, 0]], 1), -counts))[:_ROWS]
    rows = tuple(
        (classes[true], classes[predicted], f"{mistakes[true, predicted]:,}", f"{support[true]:,}")
        for true, predicted in pairs[order].tolist()
    )
    title = f"the {len(rows)} most confused of {len(pairs):,} pairs of classes with mistakes"
    return Table(f"{title}; confusion_matrix.csv has all", ("true", "predicted", "images", "of"), rows)


def weakest_classes(
    report: Mapping[str, Mapping[str, float]], classes: Sequence[str], row: Mapping[str, tuple[str, ...]]
) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """Choose the ten classes of the lowest f1-score among those that have images, and the averages.

    Args:
        report: Figures by class and average, as scikit-learn's classification report has them.
        classes: Names.
        row: Cells of each class and average.

    Returns:
        What was chosen, in words, and the rows.
    """
    present = [name for name in classes if report[name]["support"]]
    weakest = sorted(present, key=lambda name: report[name]["f1-score"])[:_ROWS]
    averages = [name for name in report if name not in set(classes)]
    words = f"the {len(weakest)} lowest f1-scores of {len(present)} classes; classification_report.csv has all"
    return words, tuple(row[name] for name in (*weakest, *averages))
