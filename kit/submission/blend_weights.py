"""Weights of a blend, fitted on out-of-fold predictions only."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from kit.errors import RunError, first_three, option, worded
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions
from kit.progress import NO_PROGRESS, Progress
from kit.targets.classes import Classes

By = Literal["probability", "rank"]
Metric = Literal["loss", "auc"]
Values: TypeAlias = NDArray[np.float64]

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

    metric: Metric
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
        return self.blend < min(others) if self.metric == "loss" else self.blend > max(others)


def fit_weights(
    inputs: Sequence[OutOfFold], metric: Metric, by: By = "probability", progress: Progress = NO_PROGRESS
) -> Fit:
    """Choose the weights that give a blend of out-of-fold predictions the best loss or AUC.

    Args:
        inputs: Out-of-fold predictions of the same images, in any order; folds are those of the first.
        metric: Metric to optimize.
        by: Quantity to blend: probabilities, or each column's scaled ranks.
        progress: Receiver of every fold.

    Raises:
        RunError: Inputs of different images, labels or classes, fewer than two folds, or outputs that are not numbers.
    """
    first, stacked = inputs[0], stack(inputs)
    folds = np.unique(first.folds)
    if len(folds) < 2:  # noqa: PLR2004 (weights are measured on folds that they were not fitted on)
        train = worded("kit train --folds all", "kit.train_folds")
        raise RunError(f"weights need out-of-fold predictions of two folds or more; run {train}")
    values = scaled(stacked, by)
    labels = first.scores.labels
    progress.start("fit weights", len(folds) + 1)

    def measure(indices: NDArray[np.intp]) -> Callable[[Values], float]:
        """Score a blend of some images; larger is better."""
        there = labels[indices]

        def goodness(blended: Values) -> float:
            value = _score(blended, there, metric)
            return -value if metric == "loss" else value

        return goodness

    everywhere = np.arange(len(labels))
    weights = select_weights(values, measure(everywhere))
    progress.advance()
    blended = np.empty_like(values[0])
    for fold in folds:
        there, others = np.flatnonzero(first.folds == fold), np.flatnonzero(first.folds != fold)
        blended[there] = combine(values[:, there], select_weights(values[:, others], measure(others)))
        progress.advance()
    progress.finish()
    return Fit(
        metric=metric,
        weights=tuple(float(weight) for weight in weights),
        inputs=tuple(_score(one, labels, metric) for one in values),
        equal=_score(values.mean(axis=0), labels, metric),
        blend=_score(blended, labels, metric),
        images=len(labels),
        folds=len(folds),
    )


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
        by: Quantity to blend; probabilities are returned unchanged.
    """
    return values if by == "probability" else np.asarray(rankdata(values, axis=1) / values.shape[1])


def combine(values: Values, weights: Sequence[float] | Values) -> Values:
    """Average models with weights that sum to 1: float [models, n, columns] to [n, columns]."""
    return np.asarray(np.tensordot(np.asarray(weights, np.float64), values, axes=1))


def stack(inputs: Sequence[OutOfFold]) -> Values:
    """Stack predictions of the same images in the first one's order: float [inputs, n, classes].

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
        stacked.append(ordered.probabilities.astype(np.float64))
    return np.stack(stacked)


def _score(blended: Values, labels: NDArray[np.int32], metric: Metric) -> float:
    target = Classes(names=tuple(map(str, range(blended.shape[1]))))
    scores = Predictions([], labels, blended.astype(np.float32), target)
    if metric == "loss":
        return scores.loss
    if scores.auc is None:
        raise RunError(f"AUC needs images of every class, in every fold but one; shard with fewer {option('folds')}")
    return scores.auc
