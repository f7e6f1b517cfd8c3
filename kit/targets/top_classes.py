"""The likeliest classes of each image, which are all that is kept of very many."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 1000  # classes whose probabilities are all kept
KEPT = 20  # classes that are kept of more
BEST = np.dtype([("index", np.int32), ("probability", np.float32)])
"""A class and its probability. Predictions of this type are [n, KEPT], the likeliest class first, the first of equals;
where an output was not a number, all indices of the image are -1 and its probabilities NaN."""

_NOT_A_NUMBER = np.array((-1, np.nan), BEST)


def are_best(predictions: NDArray[Any]) -> bool:
    """Whether predictions are the likeliest classes of each image, not all probabilities."""
    return predictions.dtype == BEST


def chances(predictions: NDArray[Any]) -> NDArray[Any]:
    """Return the kept probabilities [n, KEPT] of the likeliest classes; other predictions as they are."""
    return predictions["probability"] if are_best(predictions) else predictions


def keep_best(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Keep the likeliest classes of each image.

    Args:
        probabilities: Float [n, P], P at least KEPT.

    Returns:
        BEST [n, KEPT].
    """
    given = np.asarray(probabilities, np.float32)
    are_numbers = np.isfinite(given).all(axis=1, keepdims=True)
    given = np.where(are_numbers, given, 0)
    last = np.partition(given, -KEPT, axis=1)[:, [-KEPT]]
    above, equal = given > last, given == last
    wanted = KEPT - above.sum(axis=1, keepdims=True)
    classes = np.nonzero(above | (equal & (equal.cumsum(axis=1) <= wanted)))[1].reshape(-1, KEPT)
    return best_among(np.where(are_numbers, np.take_along_axis(given, classes, axis=1), np.nan), classes)


def best_among(values: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Keep the likeliest of some classes, which differ from image to image.

    Args:
        values: Probabilities, float [n, columns], columns at least KEPT.
        classes: Class of each value, int [n, columns].

    Returns:
        BEST [n, KEPT].
    """
    order = np.lexsort((classes, -values), axis=1)[:, :KEPT]
    best = np.empty(order.shape, BEST)
    best["index"], best["probability"] = (np.take_along_axis(each, order, axis=1) for each in (classes, values))
    best[np.isnan(values).any(axis=1)] = _NOT_A_NUMBER
    return best
