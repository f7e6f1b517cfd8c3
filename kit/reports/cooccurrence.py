"""Tables and pictures of the tags that images have together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.cooccurrence import Cooccurrence, TagPair
from kit.reports.figure import middle_cut
from kit.reports.matrix import SHORT, plot_matrix
from kit.reports.table import Table

FILE = "tag_pairs.csv"
_ROWS = 10
_DRAWN = 20  # tags in a picture
_NAME = 26  # characters; two names and two counts are as wide as a screen


def pairs_table(pairs: Sequence[TagPair], names: Sequence[str]) -> Table:
    """Tabulate the ten pairs of tags whose true and decided counts differ most.

    Args:
        pairs: Pairs of tags in order.
        names: Names of the tags.
    """
    words = f"pairs of tags of one image, those whose true and decided counts differ most first; {FILE} has all"
    shown = [middle_cut(name, _NAME) for name in names]
    return Table(words, ("tag", "with", "images\ntrue", "images\ndecided"), _rows(pairs, shown)).head(_ROWS)


def pairs_csv(pairs: Sequence[TagPair], names: Sequence[str]) -> str:
    """Write all pairs of tags that images have together as CSV.

    Args:
        pairs: Pairs of tags in order.
        names: Names of the tags.
    """
    return Table("", ("tag", "with", "true", "decided"), _rows(pairs, names)).csv()


def cooccurrence_table(found: Cooccurrence, names: Sequence[str]) -> Table:
    """Build the matrix of the tags, true and decided counts.

    Args:
        found: Images that have two tags.
        names: Names of all tags.
    """
    shown = [names[index] for index in found.tags]
    cells = [
        (name, *(f"{count:,} / {decided:,}" for count, decided in zip(*row, strict=True)))
        for name, row in zip(shown, zip(found.true, found.decided, strict=True), strict=True)
    ]
    return Table("images that have both tags, true / decided", ("tag", *shown), tuple(cells))


def plot_cooccurrence(title: str, found: Cooccurrence, counts: NDArray[np.int64], names: Sequence[str]) -> bytes:
    """Draw the share of the images with one tag that have another; of more than 20 tags, the commonest.

    Args:
        title: Name of what is counted.
        found: Images that have two tags.
        counts: Matrix of `found` to draw, true or decided.
        names: Names of all tags.

    Returns:
        A PNG.
    """
    order = np.sort(np.argsort(-np.diagonal(found.true), kind="stable")[:_DRAWN])
    chosen = counts[np.ix_(order, order)]
    support = np.diagonal(chosen)
    shares = chosen / np.maximum(support, 1)[:, None]
    cells = [[f"{share:.0%}" if count else "" for share in row] for row, count in zip(shares, support, strict=True)]
    columns = [names[found.tags[index]] for index in order]
    rows = [f"{name}, n\u00a0=\u00a0{count:,}" for name, count in zip(columns, support, strict=True)]
    few = f", the {len(order)} of {len(names):,} tags with most images" if len(order) < len(names) else ""
    words = f"{title}\nshare of the row's images that have the column's tag{few}"
    return plot_matrix(shares, cells, rows, columns, title=words, axis_names=("with tag", "tag"), cell=SHORT)


def _rows(pairs: Sequence[TagPair], names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((names[pair.first], names[pair.second], f"{pair.true:,}", f"{pair.decided:,}") for pair in pairs)
