"""The rule by which an evaluation decides, and what it was fitted on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from kit.evaluation.decisions import Decide, crossed_score, fit_decision
from kit.inference.out_of_fold import OutOfFold
from kit.metrics import Metric
from kit.targets import Decision, Target, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRule:
    """A rule that was given or fitted.

    Attributes:
        rule: Rule by which predictions become decisions.
        metric: Name of the metric that it was fitted to; empty for a rule that was given.
        fitted_on: Name of the images that it was fitted on; empty for a rule that was given.
        images: Number of those images.
        crossed: Score of rules that were fitted anew without each fold, on that fold; None for a rule that was given,
            and where there is one fold.
    """

    rule: Decision
    metric: str = ""
    fitted_on: str = ""
    images: int = 0
    crossed: float | None = None


def given_rule(decide: Decide, target: Target) -> ChosenRule | None:
    """Make the rule that an option gives; None for the target's own.

    Raises:
        SpecError: See `Decide.rule`.
    """
    return None if decide.threshold is None else ChosenRule(rule=decide.rule(target))


def fitted_rule(held_out: OutOfFold, metric: Metric, least: int = 0) -> ChosenRule:
    """Fit the rule on images that no run was trained on.

    Args:
        held_out: Predictions of these images.
        metric: Metric of decisions.
        least: Fewest tags of an image, whatever suits the metric.

    Raises:
        SpecError: The metric does not judge decisions.
    """

    def fit(target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
        return fit_decision(target, metric, truth, predictions).at_least(least)

    scores, target = held_out.scores, held_out.target
    crossed = crossed_score(target, metric, scores.labels, scores.outputs, held_out.folds, fit=fit)
    return ChosenRule(
        rule=fit(target, metric, scores.labels, scores.outputs),
        metric=metric.name,
        fitted_on=held_out.scored_on,
        images=len(scores.keys),
        crossed=None if crossed is None or math.isnan(crossed.value) else crossed.value,
    )
