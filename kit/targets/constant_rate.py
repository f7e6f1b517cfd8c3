"""Scores of predictions that say the same of every image: what a metric is without looking at them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kit.metrics import Metric
from kit.metrics.registry import is_registered
from kit.targets.label import Truth
from kit.targets.scoring import judge
from kit.targets.target import Target


def constant_rate(
    target: Target, metric: Metric, truth: Truth, learned: Truth | None = None
) -> tuple[float | None, str]:
    """Compute the score of the best constant prediction of a target.

    Args:
        target: Target of the labels.
        metric: Metric of the target.
        truth: Labels of n images, all of them labelled.
        learned: Labels that the constants are made of, those of the training; None for `truth` itself.

    Returns:
        The score and the name of the prediction; None if no constant has a score.
    """
    best, words = math.nan, ""
    shown, weights = _counted(metric, truth)
    for name, row in target.constants(truth if learned is None else learned).items():
        one = target.kept(row[None])
        given = np.broadcast_to(one, (len(shown), one.shape[1]))
        value = judge(target, metric, shown, given, weights=weights).value
        if metric.is_better(value, best) and not math.isnan(value):
            best, words = value, name
    return (None, "") if math.isnan(best) else (best, words)


def _counted(metric: Metric, truth: Truth) -> tuple[Truth, NDArray[np.int64] | None]:
    """Count equal labels, as their predictions are equal, too; a metric of one's own may not take weights."""
    if truth.ndim > 1 or not is_registered(metric):
        return truth, None
    return np.unique(truth, return_counts=True)
