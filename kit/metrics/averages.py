"""Means, ratios and columns: what several families of metrics are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

ImageWeights = NDArray[np.float64] | None
ScoreValues = float | NDArray[np.float64]

TWO = 2  # classes


def ratio(above: Any, below: Any) -> Any:
    """Divide; NaN where the divisor is zero."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    if not above.ndim and not below.ndim:  # plain numbers, which searches divide thousands of times
        return above[()] / below[()] if below else np.float64(np.nan)
    shape = np.broadcast_shapes(above.shape, below.shape)
    return np.divide(above, below, out=np.full(shape, np.nan), where=below != 0)[()]


def mean(values: NDArray[Any], weights: ImageWeights) -> Any:
    """Average over the examples, the first axis; NaN where all weights are zero."""
    if weights is None:
        return values.mean(axis=0, dtype=np.float64)
    return ratio(weights @ values, weights.sum())


def centred(values: NDArray[Any], weights: ImageWeights) -> NDArray[np.float64]:
    """Subtract the mean over the examples; what is constant becomes zero without rounding."""
    shifted = values - np.asarray(values[:1], np.float64)
    return np.asarray(shifted - mean(shifted, weights))


def each_column(
    function: Callable[[NDArray[np.bool_], NDArray[Any], ImageWeights], float],
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights,
) -> ScoreValues:
    """Score each tag, or each class against the rest; of two classes the second alone.

    Returns:
        A number for two classes, else float [P].
    """
    values = [float(function(true, scores, weights)) for true, scores in class_columns(truth, probabilities)]
    return values[0] if truth.ndim == 1 and probabilities.shape[1] == TWO else np.array(values)


def class_columns(truth: NDArray[Any], probabilities: NDArray[Any]) -> Iterator[tuple[NDArray[np.bool_], NDArray[Any]]]:
    """Yield truth, bool [n], and scores, float [n], of each tag, or of each class; of two classes the second alone."""
    if truth.ndim == 1:
        first = 1 if probabilities.shape[1] == TWO else 0
        yield from ((truth == index, probabilities[:, index]) for index in range(first, probabilities.shape[1]))
    else:
        yield from zip(truth.astype(bool).T, probabilities.T, strict=True)
