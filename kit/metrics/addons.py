"""Metrics of TensorFlow Addons 0.23 by its names, with its figures, also where kit's own differ in what is rare.

They need neither TensorFlow nor Addons. Images of no weight at all have no figure here, where Addons says 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.addons_arguments import Averaged, BetaAveraged, Mode, Outputs, Weightage, addon
from kit.metrics.agreement import kappa, mcc, qwk
from kit.metrics.averages import TWO, ImageWeights, ScoreValues, centred, mean, ratio
from kit.metrics.counts import Counts, count
from kit.metrics.declaration import LABELS, registered
from kit.metrics.f_scores import f_of_counts
from kit.metrics.forms import by_means, split_terms

_COUNTED = LABELS | {"tags"}
_MODE = r"addons/HammingLoss(?=(?::.*)?:mode={}(?::|$))(?P<given>(?::[^:]*)+)"
_AVERAGED, _BETA_AVERAGED, _WEIGHTAGE, _OUTPUTS = Averaged(), BetaAveraged(), Weightage(), Outputs()
_MULTICLASS, _MULTILABEL = Mode(mode="multiclass"), Mode(mode="multilabel")
_ZERO = 1e-12  # probability that is none, even if it is the highest
_MOST_TERMS = 8_000_000  # numbers that a form may hold


def _columns(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark what is true of each image: bool [n, columns]."""
    if truth.ndim == TWO:
        return truth.astype(bool)
    return np.asarray(truth[:, None] == np.arange(probabilities.shape[1]))


def _decided(probabilities: NDArray[Any], threshold: float | None) -> NDArray[np.bool_]:
    """Mark the columns above a threshold, or every image's highest ones, in float32 as Addons does."""
    given = probabilities.astype(np.float32)
    if threshold is not None:
        return np.asarray(given > np.float32(threshold))
    return np.asarray((given >= given.max(axis=1, keepdims=True)) & (np.abs(given) > _ZERO))


def _f_terms(truth: NDArray[Any], probabilities: NDArray[Any], *, given: Averaged = _AVERAGED) -> Any:
    """Mark hits, decisions and what is true: float [n, 3 columns]; None where that is much."""
    if 3 * probabilities.size > _MOST_TERMS:
        return None
    true, decided = _columns(truth, probabilities), _decided(probabilities, given.threshold)
    return np.concatenate([true & decided, decided, true], axis=1).astype(np.float64)


def _f_of_means(means: NDArray[np.float64], *, given: Averaged = _AVERAGED) -> Any:
    return _averaged(Counts(*split_terms(means, 3)), given)


def _averaged(counts: Counts, given: Averaged) -> Any:
    """Score the columns, the first axis, and average them; what occurs nowhere is 0."""
    score = f_of_counts(getattr(given, "beta", 1.0))
    if given.average == "micro":
        return np.nan_to_num(score(Counts(*(each.sum(axis=0) for each in _parts(counts)))))
    each = np.nan_to_num(score(counts))
    if given.average == "weighted":
        return np.nan_to_num(ratio((each * counts.actual).sum(axis=0), counts.actual.sum(axis=0)))
    return each if given.average == "none" else each.mean(axis=0)


def _parts(counts: Counts) -> tuple[NDArray[np.float64], ...]:
    return counts.hits, counts.predicted, counts.actual


def _f_score(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights, given: Averaged) -> Any:
    if weights is not None and not weights.any():
        return np.nan
    return _averaged(count(_columns(truth, probabilities), _decided(probabilities, given.threshold), weights), given)


_F: dict[str, Any] = {
    "judges": "probabilities",
    "targets": _COUNTED,
    "form_of_weights": by_means(_f_terms, _f_of_means),
}


@addon("F1Score", Averaged, **_F)
def addons_f1(
    truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None, *, given: Averaged = _AVERAGED
) -> ScoreValues:
    """F1 of every class or tag by TensorFlow Addons' rules, the mean over them, or as `average` says.

    Higher is better; classes, grades and tags; judges probabilities.

    Arguments: average=none, micro, macro or weighted; threshold. Without a threshold each image's most likely class or
    tag is decided for, of equals all, so tags want one. What occurs nowhere counts as 0. With average=none the figure
    is the mean of the columns, as with macro.
    """
    return _f_score(truth, probabilities, weights, given)  # type: ignore[no-any-return]


@addon("FBetaScore", BetaAveraged, **_F)
def addons_f_beta(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights = None,
    *,
    given: BetaAveraged = _BETA_AVERAGED,
) -> ScoreValues:
    """F-score of every class or tag by TensorFlow Addons' rules, the mean over them; beta weighs recall.

    Higher is better; classes, grades and tags; judges probabilities.

    Arguments: beta, and those of addons/F1Score, whose rules these are.
    """
    return _f_score(truth, probabilities, weights, given)  # type: ignore[no-any-return]


def _class_losses(truth: NDArray[Any], probabilities: NDArray[Any], *, given: Mode) -> NDArray[np.float64]:
    hits = _columns(truth, probabilities) & _decided(probabilities, given.threshold)
    return np.asarray(1.0 - hits.sum(axis=1))


def _tag_losses(truth: NDArray[Any], probabilities: NDArray[Any], *, given: Mode) -> NDArray[np.float64]:
    wrong = _columns(truth, probabilities) != _decided(probabilities, given.threshold)
    return np.asarray(wrong.mean(axis=1))


@addon(
    "HammingLoss",
    Mode,
    names=("addons/HammingLoss:mode=multiclass",),
    pattern=_MODE.format("multiclass"),
    direction="min",
    judges="probabilities",
    targets=LABELS,
    form_of_weights=by_means(_class_losses),
)
def addons_hamming_loss_of_classes(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights = None,
    *,
    given: Mode = _MULTICLASS,
) -> ScoreValues:
    """Share of images whose class is not decided for, by TensorFlow Addons' rules.

    Lower is better; classes and grades; judges probabilities.

    Arguments: mode=multiclass; threshold. Decisions are those of addons/F1Score: an image of which several classes are
    decided for, the right one among them, counts as right.
    """
    return float(mean(_class_losses(truth, probabilities, given=given), weights))


@addon(
    "HammingLoss",
    Mode,
    names=("addons/HammingLoss:mode=multilabel",),
    pattern=_MODE.format("multilabel"),
    direction="min",
    judges="probabilities",
    targets=_COUNTED,
    form_of_weights=by_means(_tag_losses),
)
def addons_hamming_loss_of_tags(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights = None,
    *,
    given: Mode = _MULTILABEL,
) -> ScoreValues:
    """Share of wrong decisions over all columns, by TensorFlow Addons' rules.

    Lower is better; classes, grades and tags; judges probabilities.

    Arguments: mode=multilabel; threshold. Decisions are those of addons/F1Score; a wrong class is two wrong columns.
    """
    return float(mean(_tag_losses(truth, probabilities, given=given), weights))


def _differences(truth: NDArray[Any], decisions: NDArray[Any]) -> NDArray[np.float64]:
    differ = truth.astype(np.int64) != decisions.astype(np.int64)
    return np.asarray(differ.reshape(len(truth), -1).sum(axis=1), np.float64)


@registered(
    "addons/hamming_distance",
    direction="min",
    judges="decisions",
    targets=_COUNTED,
    form_of_weights=by_means(_differences),
)
def addons_hamming_distance(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Share of wrong decisions; of tags their number an image, the mean over the images.

    Lower is better; classes, grades and tags; judges decisions.

    Wrong decisions / images, as in TensorFlow Addons, which divides by the images whatever the columns.
    """
    return float(mean(_differences(truth, decisions), weights))


@addon("CohenKappa", Weightage, judges="decisions", targets=LABELS)
def addons_kappa(
    truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None, *, given: Weightage = _WEIGHTAGE
) -> ScoreValues:
    """Cohen's kappa by the name of TensorFlow Addons: agreement beyond chance, weighted by distance if asked for.

    Higher is better, at most 1, 0 by chance; classes and grades; judges decisions.

    Arguments: weightage=none, linear or quadratic. Without one it is kappa, quadratic is qwk; linear is 1 - mean
    |t - d| / mean over all pairs of |t - d|.
    """
    if given.weightage == "none":
        return kappa(truth, decisions, weights)
    return (qwk if given.weightage == "quadratic" else _linear_kappa)(truth, decisions, weights)


def _linear_kappa(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights) -> float:
    counts = count(truth, decisions, weights)
    true, decided = (ratio(np.cumsum(each), each.sum()) for each in (counts.actual, counts.predicted))
    expected = (true * (1 - decided) + decided * (1 - true)).sum()  # mean distance: both sides of every border
    return float(1 - ratio(mean(np.abs(truth - decisions), weights), expected))


@registered("addons/MatthewsCorrelationCoefficient", judges="decisions", targets=LABELS)
def addons_mcc(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Matthews' correlation coefficient by the name of TensorFlow Addons.

    Higher is better, at most 1, 0 by chance; classes and grades; judges decisions.

    It is mcc.
    """
    return mcc(truth, decisions, weights)


@addon("RSquare", Outputs, judges="numbers", targets=frozenset({"values", "grades"}))
def addons_r_square(
    truth: NDArray[Any], numbers: NDArray[Any], weights: ImageWeights = None, *, given: Outputs = _OUTPUTS
) -> ScoreValues:
    """Coefficient of determination by TensorFlow Addons' rules, the mean over the columns, or as `multioutput` says.

    Higher is better, at most 1, 0 for the mean of the truth; values and grades; judges numbers.

    Arguments: multioutput=uniform_average, variance_weighted or raw_values; num_regressors, which adjusts the score by
    the count of all numbers, whatever their weights. The formula is that of r2; a column that is constant counts as 0,
    and where it is predicted without an error there is no figure at all, or none of the column with raw_values.
    """
    true, guessed = (each.reshape(len(each), -1).astype(np.float64) for each in (truth, numbers))
    spreads = mean(centred(true, weights) ** 2, weights)
    errors = mean((true - guessed) ** 2, weights)
    scores = np.where((spreads == 0) & (errors > 0), 0.0, 1 - ratio(errors, spreads))
    return _adjusted(_over_outputs(scores, spreads, given.multioutput), truth.size, given.num_regressors)


def _over_outputs(scores: NDArray[np.float64], spreads: NDArray[np.float64], multioutput: str) -> ScoreValues:
    if multioutput == "raw_values":
        return scores
    return float(scores.mean() if multioutput == "uniform_average" else ratio(spreads @ scores, spreads.sum()))


def _adjusted(score: ScoreValues, count: int, regressors: int) -> ScoreValues:
    """Adjust a score; as it is where there are too few numbers."""
    if not 0 < regressors < count - 1:
        return score
    return 1 - (1 - score) * (count - 1) / (count - regressors - 1)
