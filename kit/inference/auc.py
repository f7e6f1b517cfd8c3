"""Area under the ROC curve (AUC), exact and from ranks: kit's only implementation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def area_under_roc(truth: NDArray[Any], scores: NDArray[Any], *, axis: int = -1) -> Any:
    """Compute the area under the ROC curve by the ranks of Mann & Whitney (1947, doi:10.1214/aoms/1177730491).

    It is the share of pairs of an image of the class and another image in which the former has the higher score; ties
    count half. Ranks are multiples of a half, so that their sum is exact and only the last division rounds.

    Args:
        truth: Bool or int [..., n]: 1 for images of the class, 0 for all others.
        scores: Float [..., n]: higher for likelier images of the class; no NaN.
        axis: Axis of the images.

    Returns:
        Float64 [...], 0 to 1; NaN without images of the class, or without others.
    """
    from scipy.stats import rankdata

    positives = truth.sum(axis=axis)
    negatives = truth.shape[axis] - positives
    ranks = (rankdata(scores, axis=axis) * truth).sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
