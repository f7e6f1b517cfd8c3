"""Correlations of TensorFlow Addons 0.23, which are of counts in the cells of a grid, not of the numbers themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.addons_arguments import Cuts, addon
from kit.metrics.averages import ImageWeights, ScoreValues, ratio
from kit.metrics.regression import pearson, spearman

_OPTIONS: dict[str, Any] = {"judges": "numbers", "targets": frozenset({"values", "grades"})}
_CUTS = Cuts()
_EPSILON = 1e-7  # Keras', by which the last interval holds its end


def _edges(low: float, high: float, cutpoints: int) -> NDArray[np.float32]:
    """Cut a range as Addons does, in float32."""
    cuts = np.linspace(float(np.float32(low)), float(np.float32(high)), cutpoints)
    cuts[-1] += _EPSILON
    return cuts.astype(np.float32)


def _intervals(numbers: NDArray[Any], edges: NDArray[np.float32], low: float, high: float) -> NDArray[np.intp]:
    """Find every number's interval, all columns together; beyond the range it is the first or the last."""
    given = np.clip(numbers.astype(np.float32).ravel(), np.float32(low), np.float32(high))
    return np.minimum(np.searchsorted(edges, given, side="right") - 1, len(edges) - 2)


class _Grid:
    """Intervals of truth and predictions, and the weights of the pairs.

    Args:
        truth: True numbers.
        numbers: Predicted numbers.
        weights: Weights of the images; None counts each once.
        given: Ranges and cuts.
    """

    def __init__(self, truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights, given: Cuts) -> None:
        self._edges = (
            _edges(given.actual_min, given.actual_max, given.actual_cutpoints),
            _edges(given.preds_min, given.preds_max, given.preds_cutpoints),
        )
        self.true = _intervals(truth, self._edges[0], given.actual_min, given.actual_max)
        self.predicted = _intervals(numbers, self._edges[1], given.preds_min, given.preds_max)
        self.weights = None if weights is None else np.repeat(weights, truth.size // len(truth))

    def middles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the middles of the intervals, of every pair."""
        true, predicted = ((each[1:].astype(np.float64) + each[:-1]) / 2 for each in self._edges)
        return true[self.true], predicted[self.predicted]

    def counts(self) -> NDArray[np.float64]:
        """Count the pairs in every cell that has a row and a column with some, float64 [rows, columns]."""
        rows, columns = (np.unique(each, return_inverse=True) for each in (self.true, self.predicted))
        shape = len(rows[0]), len(columns[0])
        cells = np.bincount(rows[1] * shape[1] + columns[1], self.weights, shape[0] * shape[1])
        counts = cells.reshape(shape).astype(np.float64)
        return np.asarray(counts[counts.any(axis=1)][:, counts.any(axis=0)])


@addon("PearsonsCorrelation", Cuts, **_OPTIONS)
def addons_pearson(
    truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None, *, given: Cuts = _CUTS
) -> ScoreValues:
    """Pearson's correlation of the middles of intervals, by TensorFlow Addons' rules.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    Arguments: actual_min, actual_max, preds_min, preds_max, from 0 to 1 by default, and actual_cutpoints and
    preds_cutpoints, 100 by default. Numbers beyond a range count as its end, which is in the last interval, also where
    Addons fails at it, in ranges to 2 or beyond. Columns are one, with all their numbers. Addons takes no weights; here
    an image counts as often as its weight says.
    """
    grid = _Grid(truth, numbers, weights, given)
    return pearson(*grid.middles(), grid.weights)


@addon("SpearmansRank", Cuts, **_OPTIONS)
def addons_spearman(
    truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None, *, given: Cuts = _CUTS
) -> ScoreValues:
    """Spearman's correlation of the ranks of intervals, by TensorFlow Addons' rules.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    Arguments and rules of addons/PearsonsCorrelation.
    """
    grid = _Grid(truth, numbers, weights, given)
    return spearman(grid.true, grid.predicted, grid.weights)


@addon("KendallsTauB", Cuts, **_OPTIONS)
def addons_tau_b(
    truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None, *, given: Cuts = _CUTS
) -> ScoreValues:
    """Kendall's tau-b of intervals, by TensorFlow Addons' rules: pairs in the same order less those in the other.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    (p - q) / √((p + q + t)(p + q + u)), where p and q are the pairs in the same and in the other order, and t and u
    those tied in the truth alone and in the predictions alone (Kendall 1945, doi:10.1093/biomet/33.3.239). Arguments
    and rules of addons/PearsonsCorrelation.
    """
    same, other, true, predicted = _pairs(_Grid(truth, numbers, weights, given).counts())
    spreads = np.sqrt(same + other + true) * np.sqrt(same + other + predicted)
    return float(np.clip(ratio(same - other, spreads), -1, 1))


@addon("KendallsTauC", Cuts, **_OPTIONS)
def addons_tau_c(
    truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None, *, given: Cuts = _CUTS
) -> ScoreValues:
    """Kendall's tau-c of intervals, by TensorFlow Addons' rules: tau-b's pairs, as a share of the most there can be.

    Higher is better, from -1 to 1; values and grades; judges numbers.

    2 (p - q) / (n² (m - 1) / m), where n are the numbers and m the occupied intervals of the truth or of the
    predictions, of which there are fewer; right predictions score below 1 where intervals are not equally full.
    Arguments and rules of addons/PearsonsCorrelation.
    """
    counts = _Grid(truth, numbers, weights, given).counts()
    same, other, _, _ = _pairs(counts)
    fewer = min(counts.shape)
    return float(ratio(2 * (same - other), counts.sum() ** 2 * ratio(fewer - 1, fewer)))


def _pairs(counts: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Sum the pairs in the same order, in the other, and tied in the truth alone and in the predictions alone."""
    below = np.cumsum(np.cumsum(counts, axis=0), axis=1)
    same = float((below[:-1, :-1] * counts[1:, 1:]).sum())
    squares = float((counts**2).sum())
    true, predicted = (float(((counts.sum(axis=axis) ** 2).sum() - squares) / 2) for axis in (1, 0))
    total = float(counts.sum())
    every = (total**2 - squares) / 2  # pairs that are not of one cell
    return same, max(every - same - true - predicted, 0.0), true, predicted
