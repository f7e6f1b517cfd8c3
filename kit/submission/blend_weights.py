"""Weights of a blend, fitted on out-of-fold predictions only."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from kit.errors import RunError, SpecError, first_three, option, worded
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions
from kit.metrics import find_metric
from kit.progress import NO_PROGRESS, Progress
from kit.submission.votes import tally, votes
from kit.targets import NO_DECISION, Decision, Target, Truth, judge
from kit.targets.classes import Classes
from kit.targets.common_columns import align
from kit.targets.scoring import refuse_metric
from kit.targets.top_classes import KEPT, MOST

By = Literal["probability", "rank", "vote"]
LOSS = "loss"  # cross-entropy as Keras clips it, which blends of classes are fitted to unless told otherwise
Values: TypeAlias = NDArray[np.float64]

_AUC = "auc"
STEPS = 50  # largest number of models in a selection, so weights are multiples of 1/50 at the finest


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fitted weights, and their score on images that neither models nor weights have seen.

    Attributes:
        metric: Metric that the weights were fitted for.
        weights: Weights of the inputs; they sum to 1.
        inputs: Out-of-fold score of each input.
        equal: Score of equal weights.
        blend: Cross-fitted score: weights fitted without each fold, scored on that fold.
        images: Number of out-of-fold images.
        folds: Number of folds.
    """

    metric: str
    weights: tuple[float, ...]
    inputs: tuple[float, ...]
    equal: float
    blend: float
    images: int
    folds: int

    @property
    def is_better(self) -> bool:
        """Whether fitted weights beat equal weights and every single input."""
        others = (*self.inputs, self.equal)
        return self.blend < min(others) if falls(self.metric) else self.blend > max(others)


def fit_blend(
    inputs: Sequence[OutOfFold],
    metric: str,
    by: By = "probability",
    progress: Progress = NO_PROGRESS,
    *,
    rules: Sequence[Decision] = (),
    positive: str = "",
) -> tuple[Fit, OutOfFold]:
    """Choose the weights that give a blend of out-of-fold predictions the best score, and blend with them.

    Args:
        inputs: Out-of-fold predictions of the same images, in any order; folds are those of the first.
        metric: Metric to optimize: "loss", or the name of one that fits the target.
        by: Quantity to blend: probabilities or numbers, each column's scaled ranks, or votes.
        progress: Receiver of every fold.
        rules: Rule of each input's votes; empty for the target's own.
        positive: One of two classes, which the metric is about; see `kit.targets.judge`.

    Returns:
        The weights, and a blend whose every fold has the weights of the other folds.

    Above 1,000 classes, a class that a model did not keep of an image has a probability of 0 from it.

    Raises:
        RunError: Inputs of different images, labels or classes, fewer than two folds, or outputs that are not numbers.
        SpecError: The metric is for other targets, or it or ranks need the probability of every class above 1,000.
    """
    _refuse_unkept(metric, by, inputs[0].target)
    first, outputs = inputs[0], outputs_alike(inputs)
    stacked = align(alike(outputs, first.target))
    folds = np.unique(first.folds)
    if len(folds) < 2:  # noqa: PLR2004 (weights are measured on folds that they were not fitted on)
        train = worded("kit train --folds all", "kit.train_folds")
        raise RunError(f"weights need out-of-fold predictions of two folds or more; run {train}")
    own = rules or [NO_DECISION] * len(inputs)
    values = votes(outputs, first.target, stacked, own) if by == "vote" else scaled(stacked.values, by)
    average = tally if by == "vote" else combine
    labels, judge_blend = first.scores.labels, _judge(metric, first.target, positive)
    progress.start("fit weights", len(folds) + 1)

    def measure(indices: NDArray[np.intp]) -> Callable[[Values], float]:
        """Score a blend of some images; larger is better."""
        there = labels[indices]

        def goodness(blended: Values) -> float:
            value = judge_blend(stacked.predictions(blended, indices), there)
            return -value if falls(metric) else value

        return goodness

    everywhere = np.arange(len(labels))
    weights = select_weights(values, measure(everywhere))
    progress.advance()
    blended = np.empty_like(values[0])
    for fold in folds:
        there, others = np.flatnonzero(first.folds == fold), np.flatnonzero(first.folds != fold)
        blended[there] = average(values[:, there], select_weights(values[:, others], measure(others)))
        progress.advance()
    progress.finish()
    fit = Fit(
        metric=metric,
        weights=tuple(float(weight) for weight in weights),
        inputs=tuple(judge_blend(stacked.predictions(one), labels) for one in values),
        equal=judge_blend(stacked.predictions(values.mean(axis=0)), labels),
        blend=judge_blend(stacked.predictions(blended), labels),
        images=len(labels),
        folds=len(folds),
    )
    made = stacked.predictions(blended) if by == "vote" else stacked.outputs(blended)
    return fit, OutOfFold(first.folds, Predictions(first.scores.keys, labels, made, first.target))


def falls(metric: str) -> bool:
    """Whether smaller scores are better."""
    return metric == LOSS or find_metric(metric).direction == "min"


def select_weights(values: Values, goodness: Callable[[Values], float]) -> Values:
    """Weigh models by their counts in a greedy selection with replacement.

    Each step adds the model that improves the mean of the selection most; the weights are those of the best step
    (Caruana et al. 2004, "Ensemble selection from libraries of models", doi:10.1145/1015330.1015432). It works for any
    metric, and leaves out models that add nothing.

    Args:
        values: Float [models, n, columns].
        goodness: Function from a blend, float [n, columns], to its score; larger is better.

    Returns:
        Float [models], none negative, summing to 1.
    """
    counts, total = np.zeros(len(values)), np.zeros_like(values[0])
    best, weights = -math.inf, counts
    for step in range(1, STEPS + 1):
        found = [goodness((total + model) / step) for model in values]
        taken = int(np.argmax(found))
        counts[taken] += 1
        total += values[taken]
        if found[taken] > best:
            best, weights = found[taken], counts / step
    return weights


def scaled(values: Values, by: By) -> Values:
    """Replace each column by its ranks, 1/n to 1, for a blend of ranks; ties share their mean.

    Args:
        values: Float [models, n, columns].
        by: Quantity to blend; all but ranks are returned unchanged.
    """
    return values if by != "rank" else np.asarray(rankdata(values, axis=1) / values.shape[1])


def combine(values: Values, weights: Sequence[float] | Values) -> Values:
    """Average models with weights that sum to 1: float [models, n, columns] to [n, columns]."""
    return np.asarray(np.tensordot(np.asarray(weights, np.float64), values, axes=1))


def outputs_alike(inputs: Sequence[OutOfFold]) -> list[NDArray[Any]]:
    """List each model's predictions of the same images in the first one's order.

    Raises:
        RunError: Different images, labels or classes, or outputs that are not numbers.
    """
    first = inputs[0].scores
    stacked = []
    for number, one in enumerate(inputs, start=1):
        if one.classes != inputs[0].classes:
            raise RunError(f"out-of-fold file {number} has other classes than the first: {', '.join(one.classes)}")
        if others := sorted(set(one.scores.keys) ^ set(first.keys)):
            named = first_three(others, len(others))
            raise RunError(f"out-of-fold file {number} and the first do not have the same ids: only one has {named}")
        ordered = one.scores.ordered(first.keys)
        if not np.array_equal(ordered.labels, first.labels):
            raise RunError(f"out-of-fold file {number} has other labels than the first for the same ids")
        if not ordered.are_numbers.all():
            raise RunError(f"out-of-fold file {number} has outputs that are not numbers: a training diverged")
        stacked.append(ordered.outputs)
    return stacked


def alike(outputs: Sequence[NDArray[Any]], target: Target) -> Sequence[NDArray[Any]]:
    """Bring the predictions of models, [n, columns] each, into one kind.

    Where some predict the probability of each grade and others a number, all become expected grades.
    """
    if len({one.shape[1] for one in outputs}) > 1:
        return [np.asarray(target.numbers(one), np.float32).reshape(len(one), -1) for one in outputs]
    return outputs


def _refuse_unkept(metric: str, by: By, target: Target) -> None:
    """Refuse what needs the probability of every class where they are very many."""
    if target.keeps_best and (by == "rank" or metric == LOSS):
        what = "ranks of images need" if by == "rank" else f"metric {LOSS} needs"
        other = option("average", "probability") if by == "rank" else option("metric", "accuracy")
        raise SpecError(
            f"{what} the probability of every class; above {MOST:,} classes the {KEPT} best of each image are kept:"
            f" give {other}"
        )


def _judge(metric: str, target: Target, positive: str) -> Callable[[NDArray[Any], Truth], float]:
    """Make the function that scores a blend."""
    if metric == LOSS or (metric == _AUC and target.has_class_figures and not target.keeps_best):
        return functools.partial(_score, metric=metric)
    found = find_metric(metric)
    refuse_metric(target, found)

    def scored(blended: NDArray[Any], truth: Truth) -> float:
        value = judge(target, found, truth, blended, positive=positive).value
        if math.isnan(value):
            raise RunError(f"{metric} is not defined on every fold but one; shard with fewer {option('folds')}")
        return value

    return scored


def _score(blended: Values, labels: Truth, *, metric: str) -> float:
    """Score a blend of classes by loss or AUC, as runs are."""
    target = Classes(names=tuple(map(str, range(blended.shape[1]))))
    scores = Predictions([], labels, blended.astype(np.float32), target)
    if metric == LOSS:
        return scores.loss
    if scores.auc is None:
        raise RunError(f"AUC needs images of every class, in every fold but one; shard with fewer {option('folds')}")
    return scores.auc
