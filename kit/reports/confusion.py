"""Tables of confusion matrix and classification report; shortened for the terminal if there are many classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.confusion import ConfusedPair, Report, weakest_classes
from kit.reports.figure import middle_cut
from kit.reports.table import Table

MANY = 20  # classes; a larger matrix is written to a file only, and drawn of the most confused
SCORES = ("precision", "recall", "f1-score")  # digits of a classification report
_ROWS = 10
_NAME = 27  # characters; two names and two counts are as wide as a screen
_PAIR = ("true", "predicted", "images", "of")


def confusion_table(title: str, classes: Sequence[str], cells: Sequence[Sequence[str]], noun: str) -> Table:
    """Build the table of a confusion matrix.

    Args:
        title: Name of the evaluated predictions.
        classes: Names of the classes.
        cells: Texts of the cells, see `confusion_cells`.
        noun: Word for one of them, "class" or "grade".
    """
    rows = tuple((name, *row) for name, row in zip(classes, cells, strict=True))
    return Table(f"{title}: rows true, columns predicted", (noun, *classes), rows)


def confusion_cells(confusion: NDArray[np.int64], shares: NDArray[np.float64]) -> list[list[str]]:
    """Format each cell of a confusion matrix as its count above its share of the row.

    Args:
        confusion: Counts, int [classes, classes].
        shares: Counts divided by the images of each true class, float [classes, classes].
    """
    return [
        [f"{count:,}\n{share:.1%}" for count, share in zip(*rows, strict=True)]
        for rows in zip(confusion, shares, strict=True)
    ]


def matrix_csv(classes: Sequence[str], values: NDArray[Any], noun: str) -> str:
    """Format a matrix of classes as CSV with every digit.

    Args:
        classes: Names of the classes.
        values: Counts or shares, [classes, classes].
        noun: Word for one of them, "class" or "grade".
    """
    rows = zip(classes, values.tolist(), strict=True)
    return Table("", (noun, *classes), tuple((name, *map(repr, row)) for name, row in rows)).csv()


def report_table(title: str, report: Report, noun: str) -> Table:
    """Build the table of a classification report.

    Args:
        title: Summary metrics of the split in one line.
        report: Figures by class and average.
        noun: Word for one of the classes, "class" or "grade".
    """
    rows = tuple(
        (name, *(f"{row[score]:.4f}" for score in SCORES), f"{row['support']:,.0f}") for name, row in report.items()
    )
    return Table(title, (noun, *SCORES, "support"), rows)


def pairs_table(title: str, pairs: Sequence[ConfusedPair], classes: Sequence[str], file: str) -> Table:
    """Tabulate the ten pairs of classes with the most mistakes, true class first.

    Args:
        title: Name of the evaluated predictions.
        pairs: Pairs of confused classes in order.
        classes: Names of the classes.
        file: Name of the file with all of them.
    """
    shown = pairs[:_ROWS]
    cut = {index: middle_cut(classes[index], _NAME) for pair in shown for index in (pair.true, pair.predicted)}
    rows = _pair_rows(shown, cut)
    words = f"the {len(rows)} most confused of {len(pairs):,} pairs of classes with mistakes"
    return Table(f"{title}: {words}; {file} has all", _PAIR, rows)


def pairs_csv(pairs: Sequence[ConfusedPair], classes: Sequence[str]) -> str:
    """Write all pairs of confused classes as CSV, true class first.

    Args:
        pairs: Pairs of confused classes in order.
        classes: Names of the classes.
    """
    return Table("", _PAIR, _pair_rows(pairs, classes)).csv()


def _pair_rows(
    pairs: Sequence[ConfusedPair], classes: Sequence[str] | Mapping[int, str]
) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (classes[pair.true], classes[pair.predicted], f"{pair.images:,}", f"{pair.support:,}") for pair in pairs
    )


def weakest_table(table: Table, report: Report, classes: Sequence[str]) -> Table:
    """Shorten a classification report to the ten classes with images and the lowest f1-scores, and the averages.

    Args:
        table: Report of all classes, see `report_table`.
        report: Figures of the report.
        classes: Names of the classes.
    """
    present = weakest_classes(report, classes)
    weakest = present[:_ROWS]
    known = set(classes)
    averages = [name for name in report if name not in known]
    cells = {row[0]: row for row in table.rows}
    words = f"the {len(weakest)} lowest f1-scores of {len(present):,} classes; classification_report.csv has all"
    rows = tuple(cells[name] for name in (*weakest, *averages))
    return Table(f"{table.title}; {words}", table.columns, rows)
