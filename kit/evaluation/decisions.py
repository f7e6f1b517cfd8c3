"""Rules for decisions: given, or fitted to a metric on images that no model was trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, option, require
from kit.evaluation.cut_offs import fit_grades, fit_second
from kit.evaluation.tag_thresholds import fit_tags
from kit.metrics import Metric, Score
from kit.targets import NO_DECISION, Decision, Target, Truth, judge
from kit.targets.scoring import refuse_metric
from kit.targets.top_classes import chances

FitRule = Callable[[Target, Metric, Truth, NDArray[Any]], Decision]


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """Way to decide, as `--decide` names it.

    Attributes:
        way: "none" for the target's own rule, "number" for one threshold, "best" for a rule that is fitted.
        threshold: Probability from which the second of two classes, or each tag, is decided for; None for other ways.
    """

    way: Literal["none", "number", "best"]
    threshold: float | None = None

    @property
    def is_fitted(self) -> bool:
        """Whether the rule is fitted on predictions, by `fit_decision`."""
        return self.way == "best"

    def rule(self, target: Target) -> Decision:
        """Make the rule of a way that is not fitted.

        Raises:
            SpecError: One threshold does not suit the target.
        """
        return NO_DECISION if self.threshold is None else target.uniform(self.threshold)


def parse_decide(asked: str | float | None) -> Decide:
    """Read "none", "best" or a probability; None is "none".

    Raises:
        SpecError: Anything else.
    """
    if asked is None or asked == "none":
        return Decide(way="none")
    if asked == "best":
        return Decide(way="best")
    try:
        value = float(asked)
    except ValueError:
        value = math.nan
    require(0 <= value <= 1, f"decide must be none, best or a probability from 0 to 1, got '{asked}'")
    return Decide(way="number", threshold=value)


def fit_decision(target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
    """Choose the rule whose decisions the metric judges best: thresholds, cut-offs and numbers of tags.

    For two classes the threshold of the second is the best of all. For tags it is so, too, where the metric is of each
    tag alone (precision, recall, fB, macro_fB) or of all together (micro_fB, by Dinkelbach 1967,
    doi:10.1287/mnsc.13.7.492); where it is of each image (samples_fB, accuracy), no change of one threshold is better.
    Cut-offs between grades are chosen on the expected grade, so that moving none of them is better. Of more than two
    classes the likeliest is taken.

    Args:
        target: Target of the labels.
        metric: Metric that judges decisions.
        truth: Labels of n images, all of them labelled; see `kit.targets.Truth`.
        predictions: Predictions [n, columns] by models that were not trained on the images.

    Returns:
        The fitted rule; the target's own, which is an empty `Decision`, where no other was found to be better, as where
        predictions are not numbers.

    Raises:
        SpecError: The metric is for other targets, or does not judge decisions.
    """
    refuse_undecided(target, metric)
    fit = _FITS.get(target.fitted)
    if fit is None or not len(truth) or not np.isfinite(chances(predictions)).all():
        return NO_DECISION
    return better_rule(target, metric, truth, predictions, [NO_DECISION, fit(target, metric, truth, predictions)])


def better_rule(
    target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any], rules: list[Decision]
) -> Decision:
    """Choose the rule of the best score, the first of equals; the first where none has a score."""
    scores = [judge(target, metric, truth, predictions, decision=rule).value for rule in rules]
    return rules[metric.best_index(scores) or 0]


def crossed_score(
    target: Target,
    metric: Metric,
    truth: Truth,
    predictions: NDArray[Any],
    folds: NDArray[np.int32],
    *,
    fit: FitRule = fit_decision,
) -> Score | None:
    """Score fitted rules on other images: each fold is decided by the rule fitted to all others.

    Args:
        target: Target of the labels.
        metric: Metric that judges decisions.
        truth: Labels of n images.
        predictions: Predictions [n, columns].
        folds: Int32 [n], fold of each image.
        fit: Function that fits a rule.

    Returns:
        Score of all images together; None of a single fold.

    Raises:
        SpecError: See `fit_decision`.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:  # noqa: PLR2004 (one fold and others)
        return None
    decided = np.empty_like(target.decide(predictions))
    for fold in numbers:
        here, others = folds == fold, folds != fold
        rule = fit(target, metric, truth[others], predictions[others])
        decided[here] = target.decide(predictions[here], rule)
    return metric.score(truth, decided, columns=target.names)


def refuse_undecided(target: Target, metric: Metric) -> None:
    """Refuse a metric that no rule for decisions changes.

    Raises:
        SpecError: It is for other targets, or judges something else.
    """
    refuse_metric(target, metric)
    if metric.judges != "decisions":
        raise SpecError(
            f"metric {metric.name} judges {metric.judges}, which no rule for decisions changes; leave out"
            f" {option('decide', 'best')}, or name a metric of decisions"
        )


_FITS: Mapping[str, FitRule] = {"second": fit_second, "each": fit_tags, "between": fit_grades}
