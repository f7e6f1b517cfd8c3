"""Table and picture of the number of tags of an image, true against decided."""

from __future__ import annotations

import numpy as np

from kit.evaluation.cardinality import Cardinality
from kit.reports.matrix import SHORT, plot_matrix
from kit.reports.table import NOTHING, Table

FILE = "tags_per_image.csv"
_ROWS = 12
_MOST = 15  # tags; pictures count images with more there


def cardinality_table(found: Cardinality) -> Table:
    """Count the images of each number of tags, true and decided; twelve rows, the file has all.

    Args:
        found: Number of tags of each image.
    """
    numbers = np.unique(np.concatenate([found.true, found.decided])).tolist()
    rows = tuple((str(number), *_cells(found, number)) for number in numbers)
    true, decided = found.means
    title = f"tags of an image, true {true:.2f} and decided {decided:.2f} in the mean"
    return Table(title, ("tags", "images\ntrue", "images\ndecided", "mean\ndecided"), rows).head(_ROWS, FILE)


def cardinality_csv(found: Cardinality) -> str:
    """Count images by true and decided number of tags as CSV, without zeros.

    Args:
        found: Number of tags of each image.
    """
    rows = tuple(tuple(map(str, row)) for row in found.joint())
    return Table("", ("true", "decided", "images"), rows).csv()


def plot_cardinality(title: str, found: Cardinality) -> bytes:
    """Draw images by true and decided number of tags.

    Args:
        title: Name of the evaluated predictions.
        found: Number of tags of each image.

    Returns:
        A PNG.
    """
    counts = found.matrix(_MOST)
    shares = counts / np.maximum(counts.sum(axis=1), 1)[:, None]
    cells = [[f"{count:,}" if count else "" for count in row] for row in counts]
    names = [str(number) if number < _MOST else f"{_MOST}+" for number in range(len(counts))]
    words = f"{title}\nimages by their number of tags; darker is a larger share of the row"
    return plot_matrix(shares, cells, names, names, title=words, axis_names=("decided tags", "true tags"), cell=SHORT)


def _cells(found: Cardinality, number: int) -> tuple[str, str, str]:
    here = found.true == number
    mean = f"{found.decided[here].mean():.2f}" if here.any() else NOTHING
    return f"{here.sum():,}", f"{(found.decided == number).sum():,}", mean
