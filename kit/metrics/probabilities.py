"""Average precision and the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.auc import cumulated
from kit.metrics.averages import TWO, Values, Weights, each_column, mean, ratio
from kit.metrics.declaration import LABELS, registered


@registered("average_precision", judges="probabilities", targets=frozenset({"classes", "tags"}))
def average_precision(truth: NDArray[Any], probabilities: NDArray[Any], weights: Weights = None) -> Values:
    """Precision, the mean over recall: of the second of two classes; of more, or of tags, the mean over them.

    Higher is better, by chance the share of the class; classes and tags; judges probabilities, or any score that ranks.

    Sum over thresholds of (rise of recall) x precision, without interpolation (Manning, Raghavan & Schütze 2008,
    Introduction to Information Retrieval, 8.4). A class that all images have, or none, has none and is left out.
    """
    return each_column(_average_precision, truth, probabilities, weights)


@registered("brier", direction="min", judges="probabilities", targets=LABELS | {"tags"})
def brier(truth: NDArray[Any], probabilities: NDArray[Any], weights: Weights = None) -> Values:
    """Mean squared error of probabilities: of the second of two classes; of more the sum over them; of tags the mean.

    Lower is better; classes, grades and tags; judges probabilities.

    Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2: from 0 to 2 for more than two classes, else to 1.
    """
    if truth.ndim == 1 and probabilities.shape[1] > TWO:
        errors = probabilities.astype(np.float64)
        errors[np.arange(len(truth)), truth] -= 1
        return float(mean((errors**2).sum(axis=1), weights))
    second = probabilities if truth.ndim == TWO else probabilities[:, 1]
    return mean((second - truth.astype(np.float64)) ** 2, weights)  # type: ignore[no-any-return]


def _average_precision(truth: NDArray[np.bool_], scores: NDArray[Any], weights: Weights) -> float:
    found, flagged = cumulated(truth, scores, weights)
    if not 0 < found[-1] < flagged[-1]:
        return np.nan
    precision = np.nan_to_num(ratio(found[1:], flagged[1:]))  # images of weight 0 alone flag nothing
    return float(np.diff(found) @ precision / found[-1])
