"""Average precision: precision at every recall."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.auc import cumulated
from kit.metrics.averages import ImageWeights, ScoreValues, each_column, ratio
from kit.metrics.declaration import registered
from kit.metrics.forms import by_curve


def _precision_at_rises(found: NDArray[np.float64], flagged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the precision of counts [b, thresholds + 1]; see `kit.metrics.forms.by_curve`."""
    precision = np.nan_to_num(ratio(found[:, 1:], flagged[:, 1:]))
    both = (found[:, -1] > 0) & (found[:, -1] < flagged[:, -1])
    return np.asarray(ratio((np.diff(found) * precision).sum(axis=1), np.where(both, found[:, -1], 0)))


@registered(
    "average_precision",
    judges="probabilities",
    targets=frozenset({"classes", "tags"}),
    form_of_weights=by_curve(_precision_at_rises),
)
def average_precision(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Precision, the mean over recall: of the second of two classes; of more, or of tags, the mean over them.

    Higher is better, by chance the share of the class; classes and tags; judges probabilities, or any score that ranks.

    Sum over thresholds of (rise of recall) x precision, without interpolation (Manning, Raghavan & Schütze 2008,
    Introduction to Information Retrieval, 8.4). A class that all images have, or none, has none and is left out.
    """
    return each_column(_average_precision, truth, probabilities, weights)


def _average_precision(truth: NDArray[np.bool_], scores: NDArray[Any], weights: ImageWeights) -> float:
    found, flagged = cumulated(truth, scores, weights)
    if not 0 < found[-1] < flagged[-1]:
        return np.nan
    precision = np.nan_to_num(ratio(found[1:], flagged[1:]))  # images of weight 0 alone flag nothing
    return float(np.diff(found) @ precision / found[-1])
