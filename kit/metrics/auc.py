"""Areas under the ROC curve (AUC), whole and in part, exact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, class_columns, each_column, ratio
from kit.metrics.declaration import registered
from kit.metrics.forms import FormOfWeights, by_curve, by_means

_RANKED = frozenset({"classes", "tags"})


def _areas(found: NDArray[np.float64], flagged: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the area of counts [b, thresholds + 1]; see `kit.metrics.forms.by_curve`."""
    others = flagged - found
    twice = np.einsum("ij,ij->i", np.diff(others), found[:, 1:] + found[:, :-1])
    return np.asarray(ratio(twice, 2 * found[:, -1] * others[:, -1]))


def _linear_terms(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the area, and how much more or less than it each image adds: float64 [n], whose mean is the area.

    The sum over both kinds of images of their placements among the other kind (DeLong, DeLong & Clarke-Pearson 1988,
    doi:10.2307/2531595) is the area's linear approximation, whose resamples differ from the area's by order 1 / n.
    """
    found = [terms for columns in class_columns(truth, probabilities) if (terms := _placements(*columns)) is not None]
    return np.mean(found, axis=0) if found else np.full(len(truth), np.nan)


def _placements(truth: NDArray[np.bool_], scores: NDArray[Any]) -> NDArray[np.float64] | None:
    own, others = scores[truth], scores[~truth]
    if not len(own) or not len(others):
        return None
    terms = np.empty(len(scores))
    terms[truth] = _share_below(own, others)
    terms[~truth] = 1 - _share_below(others, own)
    area = float(terms[truth].mean())
    for kind in (truth, ~truth):
        terms[kind] = (terms[kind] - area) * len(scores) / np.count_nonzero(kind)
    return area + terms


def _share_below(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the share of others that lie below each value; equal ones count half."""
    ordered = np.sort(others)
    positions = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.asarray(sum(positions) / (2 * len(others)))


_LINEAR = by_means(_linear_terms)


def _partial(fpr: NDArray[np.float64], tpr: NDArray[np.float64]) -> Any:
    return _band(fpr, tpr, 0.8, 1.0)


def _weighted(fpr: NDArray[np.float64], tpr: NDArray[np.float64]) -> Any:
    return (2 * _band(fpr, tpr, 0.0, 0.4) + _band(fpr, tpr, 0.4, 1.0)) / 1.4


def _by_rates(area: Callable[..., Any]) -> FormOfWeights:
    """Make the form of an area under part of the curve."""

    def score(found: NDArray[np.float64], flagged: NDArray[np.float64]) -> Any:
        others = flagged - found
        return area(ratio(others, others[:, -1:]), ratio(found, found[:, -1:]))

    return by_curve(score)


@registered(
    "auc", judges="probabilities", targets=_RANKED | {"grades"}, form_of_weights=by_curve(_areas, linear=_LINEAR)
)
def auc(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Area under the ROC curve, of the second of two classes; of more, or of tags, the mean of each against the rest.

    Higher is better, 0.5 by chance; classes, tags and grades; judges probabilities, or any score that ranks.

    Share of pairs, an image of the class and another one, whose first has the higher score; ties count half (Mann &
    Whitney 1947, doi:10.1214/aoms/1177730491). A class that all images have, or none, has no AUC and is left out.
    Used by siim-isic-melanoma-classification, histopathologic-cancer-detection.
    """
    return each_column(_area, truth, probabilities, weights)


@registered(
    "column_auc",
    judges="probabilities",
    targets=_RANKED,
    form_of_weights=by_curve(_areas, has_both=True, linear=_LINEAR),
)
def column_auc(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Area under the ROC curve, the mean over the columns; both of two classes.

    Higher is better, 0.5 by chance; classes and tags; judges probabilities, or any score that ranks.

    `auc` of each column. A column without both values has none and is left out. Used by
    ranzcr-clip-catheter-line-classification, plant-pathology-2020-fgvc7.
    """
    if truth.ndim == 1:
        truth = truth[:, None] == np.arange(probabilities.shape[1])
    return each_column(_area, truth, probabilities, weights)


@registered("partial_auc", judges="probabilities", targets=_RANKED, form_of_weights=_by_rates(_partial))
def partial_auc(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Area under the ROC curve above a true positive rate (TPR) of 0.8; from 0 to 0.2, by chance 0.02.

    Higher is better; classes (the second of two) and tags (mean); judges probabilities, or any score that ranks.

    Integral of 1 - FPR over TPR from 0.8 to 1, between thresholds linear. Used by isic-2024-challenge.
    """

    def area(true: NDArray[np.bool_], scores: NDArray[Any], weigh: ImageWeights) -> float:
        return float(_partial(*roc_points(true, scores, weigh)))

    return each_column(area, truth, probabilities, weights)


@registered("weighted_auc", judges="probabilities", targets=_RANKED, form_of_weights=_by_rates(_weighted))
def weighted_auc(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Area under the ROC curve in which true positive rates (TPR) below 0.4 count twice; from 0 to 1, by chance 0.586.

    Higher is better; classes (the second of two) and tags (mean); judges probabilities, or any score that ranks.

    (2 a + b) / 1.4, where a is the area between TPR 0 and 0.4 and b that above, between thresholds linear. Used by
    alaska2-image-steganalysis.
    """

    def area(true: NDArray[np.bool_], scores: NDArray[Any], weigh: ImageWeights) -> float:
        return float(_weighted(*roc_points(true, scores, weigh)))

    return each_column(area, truth, probabilities, weights)


def area_under_roc(truth: NDArray[Any], scores: NDArray[Any], *, axis: int = -1) -> Any:
    """Compute the area under the ROC curve by the ranks of Mann & Whitney (1947, doi:10.1214/aoms/1177730491).

    It is the share of pairs, an image of the class and another one, whose first has the higher score; ties count
    half. Ranks are multiples of a half, so that their sum is exact and only the last division rounds.

    Args:
        truth: Bool or int [..., n]: 1 for images of the class, 0 for all others.
        scores: Float [..., n]: the higher, the likelier the class; all of them numbers.
        axis: Axis of the images.

    Returns:
        Float64 [...], 0 to 1; NaN where there are no images of the class, or no others.
    """
    from scipy.stats import rankdata

    positives = truth.sum(axis=axis)
    negatives = truth.shape[axis] - positives
    ranks = (rankdata(scores, axis=axis) * truth).sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def roc_points(
    truth: NDArray[np.bool_], scores: NDArray[Any], weights: ImageWeights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute false and true positive rates at every threshold, from none flagged to all.

    Args:
        truth: Bool [n].
        scores: Float [n].
        weights: Float [n], or None.

    Returns:
        Rates, each float64 [distinct scores + 1]; NaN where there are no images of the class, or no others.
    """
    found, flagged = cumulated(truth, scores, weights)
    others = flagged - found
    return ratio(others, others[-1]), ratio(found, found[-1])


def cumulated(
    truth: NDArray[np.bool_], scores: NDArray[Any], weights: ImageWeights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count, from the highest score down, the images of the class and all images; equal scores come at once.

    Returns:
        Counts, each float64 [distinct scores + 1]; the first is 0.
    """
    distinct, indices = np.unique(scores, return_inverse=True)
    counts = (
        np.bincount(indices, None if weights is None else weights * counted, len(distinct))
        if weights is not None
        else np.bincount(indices[counted], None, len(distinct))
        for counted in (truth, np.ones_like(truth))
    )
    found, flagged = (np.concatenate([[0.0], np.cumsum(count[::-1], dtype=np.float64)]) for count in counts)
    return found, flagged


def _area(truth: NDArray[np.bool_], scores: NDArray[Any], weights: ImageWeights) -> float:
    if weights is None:
        return float(area_under_roc(truth, scores))
    return float(_band(*roc_points(truth, scores, weights), 0.0, 1.0))


def _band(fpr: NDArray[np.float64], tpr: NDArray[np.float64], low: float, high: float) -> Any:
    """Integrate 1 - FPR over TPR, the last axis, from `low` to `high`; linear between points, as trapezoids are."""
    begin, end = np.clip(tpr[..., :-1], low, high), np.clip(tpr[..., 1:], low, high)
    rise = np.diff(tpr)
    along = np.divide((begin + end) / 2 - tpr[..., :-1], rise, out=np.zeros_like(rise), where=rise > 0)
    return ((end - begin) * (1 - fpr[..., :-1] - along * np.diff(fpr))).sum(axis=-1)
