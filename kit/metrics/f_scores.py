"""Precision, recall and F-scores (van Rijsbergen 1979, Information Retrieval), and the probabilistic F-score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import TWO, ImageWeights, ScoreValues, class_columns, each_column, mean, ratio
from kit.metrics.counts import Counts, count
from kit.metrics.declaration import LABELS, registered
from kit.metrics.forms import by_means, split_terms, tag_terms

_BETA = r"(?P<beta>\d*[1-9]\d*(?:\.\d+)?|\d*\.\d*[1-9]\d*)"
_COUNTED = LABELS | {"tags"}
_OPTIONS: dict[str, Any] = {"judges": "decisions", "targets": _COUNTED, "takes_columns": True}


def _counts_of(means: NDArray[np.float64]) -> Counts:
    """Take the means of `tag_terms` for counts, as ratios of both are equal."""
    return Counts(*split_terms(means, 3))


def _precision_of_means(means: NDArray[np.float64]) -> Any:
    return precision_of_counts(_counts_of(means))


def _recall_of_means(means: NDArray[np.float64]) -> Any:
    return recall_of_counts(_counts_of(means))


def _f_of_means(means: NDArray[np.float64], *, beta: float) -> Any:
    return f_of_counts(beta)(_counts_of(means))


def _micro_f_of_means(means: NDArray[np.float64], *, beta: float) -> Any:
    return f_of_counts(beta)(Counts(*(each.sum(axis=0) for each in split_terms(means, 3))))


def _row_scores(truth: NDArray[Any], decisions: NDArray[Any], *, beta: float) -> NDArray[np.float64]:
    """Score each image's tags; no tags of an image that has none score 1."""
    return np.nan_to_num(f_of_counts(beta)(count(truth.T, decisions.T, None)), nan=1.0)


def _chance_terms(truth: NDArray[Any], probabilities: NDArray[Any], **_: Any) -> NDArray[np.float64]:
    """Return the probability where the class is true, the probability, and the truth of each column."""
    pairs = [(true, np.clip(given.astype(np.float64), 0, 1)) for true, given in class_columns(truth, probabilities)]
    found, given, true = ([true * given for true, given in pairs], [p for _, p in pairs], [t for t, _ in pairs])
    return np.stack([*found, *given, *true], axis=1).astype(np.float64)


def _chance_f_of_means(means: NDArray[np.float64], *, beta: float) -> Any:
    found, given, true = split_terms(means, 3)
    return np.where(true > 0, ratio((1 + beta**2) * found, given + beta**2 * true), np.nan)


@registered("precision", form_of_weights=by_means(tag_terms, _precision_of_means), **_OPTIONS)
def precision(
    truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None, *, columns: tuple[str, ...] = ()
) -> ScoreValues:
    """Share of the decisions for a class that are right: of the second of two; of more, or of tags, the mean.

    Higher is better; classes, grades and tags; judges decisions.

    Hits / decisions, 0 where nothing is decided for a class that there is. A class or tag that neither truth nor
    decisions hold is left out.
    """
    return _plain(precision_of_counts, truth, decisions, weights, columns)


@registered("recall", form_of_weights=by_means(tag_terms, _recall_of_means), **_OPTIONS)
def recall(
    truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None, *, columns: tuple[str, ...] = ()
) -> ScoreValues:
    """Share of a class's images that are found: of the second of two; of more, or of tags, the mean.

    Higher is better; classes, grades and tags; judges decisions.

    Hits / images, 0 where decisions hold a class that has no images. A class or tag that neither truth nor decisions
    hold is left out.
    """
    return _plain(recall_of_counts, truth, decisions, weights, columns)


@registered(
    "f1",
    "f2",
    form="fB",
    pattern=f"f{_BETA}",
    reads={"beta": float},
    form_of_weights=by_means(tag_terms, _f_of_means),
    **_OPTIONS,
)
def f_beta(
    truth: NDArray[Any],
    decisions: NDArray[Any],
    weights: ImageWeights = None,
    *,
    beta: float,
    columns: tuple[str, ...] = (),
) -> ScoreValues:
    """F-score of the second of two classes; of more, or of tags, the mean, as macro_f1; B weighs recall.

    Higher is better; classes, grades and tags; judges decisions.

    (1 + B²) hits / (decisions + B² images): for B = 1 the harmonic mean of precision and recall. A class or tag that
    neither truth nor decisions hold is left out.
    """
    return _plain(f_of_counts(beta), truth, decisions, weights, columns)


@registered(
    "macro_f1",
    form="macro_fB",
    pattern=f"macro_f{_BETA}",
    reads={"beta": float},
    form_of_weights=by_means(tag_terms, _f_of_means),
    **_OPTIONS,
)
def macro_f_beta(
    truth: NDArray[Any],
    decisions: NDArray[Any],
    weights: ImageWeights = None,
    *,
    beta: float,
    columns: tuple[str, ...] = (),
) -> ScoreValues:
    """F-score, the mean over all classes, both of two, or over tags.

    Higher is better; classes, grades and tags; judges decisions.

    Formula of f1. A class or tag that neither truth nor decisions hold is left out. Used by iwildcam-2019-fgvc6,
    herbarium-2020-fgvc7, human-protein-atlas-image-classification.
    """
    return f_of_counts(beta)(count(truth, decisions, weights, len(columns)))


@registered(
    "micro_f1",
    form="micro_fB",
    pattern=f"micro_f{_BETA}",
    reads={"beta": float},
    form_of_weights=by_means(tag_terms, _micro_f_of_means),
    **_OPTIONS,
)
def micro_f_beta(
    truth: NDArray[Any],
    decisions: NDArray[Any],
    weights: ImageWeights = None,
    *,
    beta: float,
    columns: tuple[str, ...] = (),
) -> ScoreValues:
    """F-score of all decisions of all classes or tags together; of classes it is the accuracy.

    Higher is better; classes, grades and tags; judges decisions.

    Formula of f1 for the sums over classes or tags. Used by plant-pathology-2021-fgvc8, imet-2020-fgvc7.
    """
    counts = count(truth, decisions, weights, len(columns))
    return float(f_of_counts(beta)(Counts(*(each.sum() for each in (counts.hits, counts.predicted, counts.actual)))))


@registered(
    "samples_f1",
    "samples_f2",
    form="samples_fB",
    pattern=f"samples_f{_BETA}",
    reads={"beta": float},
    judges="decisions",
    targets=frozenset({"tags"}),
    form_of_weights=by_means(_row_scores),
)
def samples_f_beta(
    truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None, *, beta: float
) -> ScoreValues:
    """F-score of each image's tags, the mean over the images.

    Higher is better; tags; judges decisions.

    Formula of f1 for each row. No tags rightly decided for an image that has none score 1. Used by
    planet-understanding-the-amazon-from-space (B = 2).
    """
    return float(mean(_row_scores(truth, decisions, beta=beta), weights))


@registered(
    "pf1",
    form="pfB",
    pattern=f"pf{_BETA}",
    reads={"beta": float},
    judges="probabilities",
    targets=frozenset({"classes", "tags"}),
    form_of_weights=by_means(_chance_terms, _chance_f_of_means),
)
def probabilistic_f_beta(
    truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None, *, beta: float
) -> ScoreValues:
    """F-score that counts probabilities instead of decisions: of the second of two classes, else the mean.

    Higher is better; classes and tags; judges probabilities.

    (1 + B²) a / (b + B² images), where a is the sum of the probabilities of the class's images and b that of all
    (Yacouby & Axman 2020, doi:10.18653/v1/2020.eval4nlp-1.9). A class without images has none and is left out.
    Used by rsna-breast-cancer-detection.
    """

    def score(true: NDArray[np.bool_], chances: NDArray[Any], weigh: ImageWeights) -> float:
        weigh = np.ones(len(true)) if weigh is None else weigh
        chances = np.clip(chances.astype(np.float64), 0, 1)
        actual = weigh @ true
        found = (1 + beta**2) * (weigh * true) @ chances
        return float(ratio(found, weigh @ chances + beta**2 * actual)) if actual else np.nan

    return each_column(score, truth, probabilities, weights)


def _plain(
    score: Callable[[Counts], NDArray[np.float64]],
    truth: NDArray[Any],
    decisions: NDArray[Any],
    weights: ImageWeights,
    columns: tuple[str, ...],
) -> ScoreValues:
    """Score the second of two classes, or all of more, or tags."""
    values = score(count(truth, decisions, weights, len(columns)))
    return float(values[1]) if truth.ndim == 1 and len(values) == TWO else values


def f_of_counts(beta: float) -> Callable[[Counts], NDArray[np.float64]]:
    """Make the F-score of counts; NaN where neither truth nor decisions hold the class."""

    def score(counts: Counts) -> NDArray[np.float64]:
        return ratio((1 + beta**2) * counts.hits, counts.predicted + beta**2 * counts.actual)  # type: ignore[no-any-return]

    return score


def precision_of_counts(counts: Counts) -> NDArray[np.float64]:
    """Divide hits by decisions; NaN where neither truth nor decisions hold the class."""
    return _share(counts, counts.predicted)


def recall_of_counts(counts: Counts) -> NDArray[np.float64]:
    """Divide hits by images; NaN where neither truth nor decisions hold the class."""
    return _share(counts, counts.actual)


def _share(counts: Counts, among: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the hits; 0 where there is nothing to divide by, NaN where there is nothing at all."""
    return np.where(counts.predicted + counts.actual > 0, np.nan_to_num(ratio(counts.hits, among)), np.nan)
