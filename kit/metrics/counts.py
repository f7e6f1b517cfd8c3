"""Hits, decisions and true labels of each class or tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import TWO, ImageWeights


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of each class or tag, float64 [columns]; sums of weights where there are some.

    Attributes:
        hits: True positives.
        predicted: Decisions for it.
        actual: Images that it is true of.
    """

    hits: NDArray[np.float64]
    predicted: NDArray[np.float64]
    actual: NDArray[np.float64]


def count(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights, classes: int = 0) -> Counts:
    """Count hits, decisions and true labels.

    Args:
        truth: Int [n], or bool [n, tags].
        decisions: Decisions of the same shape.
        weights: Float [n], or None.
        classes: Number of classes; if 0, as many as the labels and decisions tell, at least two.
    """
    if truth.ndim == TWO:
        true, decided = truth.astype(bool), decisions.astype(bool)
        return Counts(*(_sum(each, weights) for each in (true & decided, decided, true)))
    size = classes or max(TWO, int(truth.max()) + 1, int(decisions.max()) + 1)
    right = truth == decisions
    hits = np.bincount(truth[right], None if weights is None else weights[right], size)
    predicted, actual = (np.bincount(labels, weights, size) for labels in (decisions, truth))
    return Counts(*(each.astype(np.float64) for each in (hits, predicted, actual)))


def _sum(marks: NDArray[np.bool_], weights: ImageWeights) -> NDArray[np.float64]:
    return np.asarray(np.count_nonzero(marks, axis=0) if weights is None else weights @ marks, np.float64)
