"""Forms that a metric may declare to be computed at many weightings of the same images at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import TWO, class_columns, ratio

Weights: TypeAlias = NDArray[np.float64]
"""Weights [n, b]: b weightings of n images."""
Values: TypeAlias = NDArray[np.float64]


class Form(NamedTuple):
    """A metric of given truth and predictions.

    Attributes:
        values: Function from weights [n, b] to values, float64 [columns, b]; NaN where a column has none.
        work: Rough time that one weighting takes, nanoseconds.
    """

    values: Callable[[Weights], Values]
    work: int


FormOfWeights: TypeAlias = Callable[..., Form | None]
"""Function of truth, predictions and the metric's own arguments; None where the form is not for this target."""


def by_means(terms: Callable[..., Any], finish: Callable[..., Any] | None = None) -> FormOfWeights:
    """Make the form of a metric that is a function of means over the images.

    Args:
        terms: Function of truth, predictions and the metric's own arguments; it returns float [n] or [n, terms], or
            None where the form is not for this target.
        finish: Function of the means [terms, b] and the metric's own arguments; it returns float [b] or [columns, b].
            None if the means are the metric's columns.
    """

    def form(truth: NDArray[Any], prediction: NDArray[Any], **given: Any) -> Form | None:
        if (found := terms(truth, prediction, **given)) is None:
            return None
        rows = np.ascontiguousarray(np.reshape(found, (len(truth), -1)).T, np.float64)

        def values(weights: Weights) -> Values:
            means = ratio(rows @ weights, weights.sum(axis=0))
            return np.atleast_2d(means if finish is None else finish(means, **given))

        return Form(values, _MEAN * len(truth) + rows.size // _TERMS)

    return form


_MEAN, _TERMS = 2, 5  # nanoseconds of an image in a mean, and further terms in one of them


def by_curve(
    score: Callable[[Any, Any], Any], *, has_both: bool = False, linear: FormOfWeights | None = None
) -> FormOfWeights:
    """Make the form of a metric that is a mean over columns of a function of the counts at every threshold.

    Args:
        score: Function of the images of the class, and of all images, that are flagged from the highest score down:
            float [b, thresholds + 1] each, the first of them 0. It returns float [b].
        has_both: Whether both of two classes count, not the second alone.
        linear: Form that takes less time and memory, for more than eight million numbers; None gives these no values.
    """

    def form(truth: NDArray[Any], probabilities: NDArray[Any]) -> Form | None:
        if has_both and truth.ndim == 1:
            truth = truth[:, None] == np.arange(probabilities.shape[1])
        if probabilities.size > MOST_IN_CURVES:
            return linear(truth, probabilities) if linear else Form(_no_values, 0)
        counted = [_counts(true, scores) for true, scores in class_columns(truth, probabilities)]

        def values(weights: Weights) -> Values:
            return np.stack([score(*counts(weights)) for counts in counted])

        return Form(values, _IN_CURVE * len(truth) * len(counted))

    return form


_IN_CURVE = 10  # nanoseconds of an image in a curve
MOST_IN_CURVES = 8_000_000  # numbers, images times columns, whose curves are computed for each weighting


def _no_values(weights: Weights) -> Values:
    return np.full((1, weights.shape[1]), np.nan)


def cell_sums(cells: NDArray[np.int64], count: int) -> Any:
    """Make the sparse matrix [count, n] that sums the weights of each cell's images.

    Args:
        cells: Cell of each image, int [n].
        count: Number of cells.
    """
    from scipy import sparse

    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(count + 1))
    return sparse.csr_matrix((np.ones(len(cells)), order, starts), (count, len(cells)))


def _counts(truth: NDArray[np.bool_], scores: NDArray[Any]) -> Callable[[Weights], tuple[Values, Values]]:
    """Prepare the counts at every threshold; thresholds between which no image of the class lies are one."""
    distinct, ascending = np.unique(scores, return_inverse=True)
    blocks = len(distinct) - 1 - ascending  # from the highest score down
    holds = np.zeros(len(distinct), np.bool_)
    holds[blocks[truth]] = True
    begins = holds | np.append(True, holds[:-1])
    cells = (np.cumsum(begins) - 1)[blocks]
    count = int(begins.sum())
    every, own = cell_sums(cells, count), cell_sums(cells[truth], count)
    indices = np.flatnonzero(truth)

    def counts(weights: Weights) -> tuple[Values, Values]:
        return _cumulated(own @ weights[indices]), _cumulated(every @ weights)

    return counts


def _cumulated(sums: Values) -> Values:
    """Sum the cells [cells, b] from the first on: [b, cells + 1]; a contiguous axis is ten times as fast."""
    out = np.zeros((sums.shape[1], sums.shape[0] + 1))
    np.cumsum(np.ascontiguousarray(sums.T), axis=1, out=out[:, 1:])
    return out


def split_terms(means: Values, kinds: int) -> list[Values]:
    """Divide means of several kinds, each of all columns: float [columns, b] each."""
    return list(means.reshape(kinds, -1, means.shape[-1]))


def tag_terms(truth: NDArray[Any], decisions: NDArray[Any], **_: Any) -> NDArray[np.float64] | None:
    """Mark hits, decisions and true labels of each tag: float [n, 3 tags]; None for classes."""
    if truth.ndim != TWO:
        return None
    true, decided = truth.astype(bool), decisions.astype(bool)
    return np.concatenate([true & decided, decided, true], axis=1).astype(np.float64)
