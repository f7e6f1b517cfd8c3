"""A metric at many weightings of the same images, which is what resampling needs: 2,000 at once, not one by one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError
from kit.metrics.declaration import declaration
from kit.metrics.forms import Values, Weights, cell_sums
from kit.metrics.registry import is_registered
from kit.metrics.score import Metric


@dataclass(frozen=True, slots=True)
class Weighted:
    """A metric of given truth and predictions, as a function of weights.

    Attributes:
        values: Function from weights, float64 [n, b], to the metric's values, float64 [b]; NaN where there is none.
        work: Rough time that one weighting takes, nanoseconds, to choose how many to judge.
    """

    values: Callable[[Weights], Values]
    work: int


def prepare(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any], columns: tuple[str, ...]) -> Weighted:
    """Prepare a metric for many weightings of n images.

    Metrics that declare a form are computed for all weightings at once. Others of kit's that judge one decision an
    image are called on the distinct pairs of truth and decision, of which there are few; all others on all images.
    Functions of one's own see each image as often as its weight says, so that they need not know weights.

    Args:
        metric: Metric to prepare.
        truth: True labels, as `Metric.score` takes them.
        prediction: Predictions of the kind that the metric judges; all of them numbers.
        columns: Names of the classes, tags or values.
    """
    if not is_registered(metric):
        return _repeated(metric, truth, prediction, columns)
    if (formed := _formed(metric, truth, prediction)) is not None:
        return formed
    if metric.judges == "decisions" and truth.ndim == 1:
        return _on_cells(metric, truth, prediction, columns)
    return _one_by_one(metric, truth, prediction, columns)


def _formed(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any]) -> Weighted | None:
    function = metric.function if isinstance(metric.function, partial) else partial(metric.function)
    said, given = declaration(function.func), function.keywords
    found = said.form_of_weights(truth, prediction, **given) if said and said.form_of_weights else None
    return found and Weighted(lambda weights: _mean(found.values(weights)), found.work)


def _on_cells(metric: Metric, truth: NDArray[Any], decisions: NDArray[Any], columns: tuple[str, ...]) -> Weighted:
    pairs, cells = np.unique(np.stack([truth, decisions]), axis=1, return_inverse=True)
    sums = cell_sums(cells.ravel(), pairs.shape[1])
    inner = _one_by_one(metric, pairs[0], pairs[1], columns)
    return Weighted(lambda weights: inner.values(sums @ weights), inner.work)


def _one_by_one(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any], columns: tuple[str, ...]) -> Weighted:
    named = {"columns": columns} if metric.takes_columns else {}

    def values(weights: Weights) -> Values:
        each = (metric.function(truth, prediction, weigh, **named) for weigh in np.ascontiguousarray(weights.T))
        return np.array([_mean(np.asarray(one, np.float64)) for one in each])

    return Weighted(values, _CALL + _NUMBER * prediction.size)


def _repeated(metric: Metric, truth: NDArray[Any], prediction: NDArray[Any], columns: tuple[str, ...]) -> Weighted:
    def value(weigh: NDArray[np.float64]) -> float:
        rows = np.repeat(np.arange(len(weigh)), weigh.astype(np.int64))
        with contextlib.suppress(SpecError):  # it may have no value where a class is missing, though it has one of all
            return metric.score(truth[rows], prediction[rows], columns=columns).value
        return np.nan

    def values(weights: Weights) -> Values:
        return np.array([value(weigh) for weigh in weights.T])

    return Weighted(values, _OWN_CALL + 10 * _NUMBER * prediction.size)


_CALL, _OWN_CALL = 50_000, 1_000_000  # nanoseconds of a call of one of kit's metrics, and of one's own
_NUMBER = 10  # nanoseconds of a number in it


def _mean(values: Values) -> Values:
    """Average the columns that have a value, the first axis, as `Metric.score` does."""
    if values.ndim == 0:
        return values
    there = ~np.isnan(values)
    counts = there.sum(axis=0)
    sums = np.where(there, values, 0).sum(axis=0)
    return np.asarray(np.divide(sums, counts, out=np.full(np.shape(sums), np.nan), where=counts > 0))
