"""Predictions of a target, judged by a metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError
from kit.metrics import Metric, Score
from kit.targets.decision import NO_DECISION, Decision
from kit.targets.label import Truth
from kit.targets.target import Target
from kit.targets.top_classes import KEPT, MOST


def judge(
    target: Target,
    metric: Metric,
    truth: Truth,
    predictions: NDArray[Any],
    *,
    decision: Decision = NO_DECISION,
    weights: NDArray[Any] | None = None,
    positive: str = "",
) -> Score:
    """Judge predictions of n labelled images.

    Args:
        target: Target of the labels.
        metric: Metric to compute.
        truth: Labels of the images, see `kit.targets.Truth`.
        predictions: Predictions [n, columns], as `Head.predictions` or `Target.kept` gives them.
        decision: Rule for metrics that judge decisions.
        weights: Weights of the images, float [n]; None for equal ones.
        positive: One of two classes, which metrics are about that judge one of them; the second by default.

    Raises:
        SpecError: A metric of other targets, or one that judges what these predictions are not.
    """
    refuse_metric(target, metric)
    given = target.judged(predictions, metric.judges, decision, metric.guesses)
    if positive and positive == target.names[0]:
        first, second = target.names
        return metric.score(_swapped(truth), _swapped(given), weights, columns=(second, first))
    return metric.score(truth, given, weights, columns=target.names)


def _swapped(labels: NDArray[Any]) -> NDArray[Any]:
    """Swap two classes, as probabilities [n, 2] or as indices; negative ones, of no class, stay."""
    return labels[:, ::-1] if labels.dtype.kind == "f" else np.where(labels < 0, labels, 1 - labels)


def refuse_metric(target: Target, metric: Metric) -> None:
    """Refuse a metric of other targets, or one that needs more than is kept of the predictions.

    Raises:
        SpecError: It does not judge this target, or needs more than the likeliest of very many classes.
    """
    if not target.takes(metric):
        fitting = f"it judges {', '.join(sorted(metric.targets))}; this dataset's target is {target.kind()}"
        raise SpecError(f"metric {metric.name} does not fit: {fitting}, whose default is {target.default_metric}")
    if target.keeps_best and (metric.needs_all or metric.guesses > KEPT):
        needed = "the probability of every class" if metric.needs_all else f"{metric.guesses} guesses"
        raise SpecError(
            f"metric {metric.name} needs {needed}; above {MOST:,} classes the {KEPT} best of each image are kept:"
            f" name a metric of decisions, or of {KEPT} guesses or fewer, such as map@5"
        )
