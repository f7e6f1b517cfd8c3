"""Rules that decide a submission's cells, and the score of what they decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError, SpecError, option, require
from kit.evaluation.decisions import Decide, crossed_score, parse_decide, refuse_undecided
from kit.evaluation.threshold import Threshold, Wanted, parse_threshold
from kit.inference.out_of_fold import OutOfFold
from kit.metrics import Metric, Score, find_metric
from kit.metrics.score import known
from kit.sources.sample_form import SampleForm
from kit.submission.cells import Cells
from kit.submission.form import Sample
from kit.targets import Decision, Target, Truth


@dataclass(frozen=True, slots=True)
class AskedRule:
    """Rule that was asked for, by one of two options.

    Attributes:
        threshold: Threshold for two classes, or the goal for choosing one; None without the option.
        decide: Way to decide.
    """

    threshold: float | Wanted | None
    decide: Decide

    @property
    def is_given(self) -> bool:
        """Whether a rule was asked for at all, so that cells hold decisions."""
        return self.threshold is not None or self.decide.way != "none"

    @property
    def is_fitted(self) -> bool:
        """Whether the rule is chosen on predictions."""
        return isinstance(self.threshold, Wanted) or self.decide.is_fitted

    def given(self, target: Target) -> Decision:
        """Make the rule of one that is not fitted; the target's own for one that is."""
        if isinstance(self.threshold, float):
            return Decision(thresholds=(self.threshold,))
        return self.decide.rule(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Score of cells on images that no run was trained on.

    Attributes:
        metric: Name of the metric; None without a score.
        score: Value of the metric; None where it has none.
        is_crossed: Whether the images of each fold were decided by the rule of the other folds.
    """

    metric: str | None = None
    score: float | None = None
    is_crossed: bool = False


def ask_rule(threshold: float | str | None, decide: float | str | None) -> AskedRule:
    """Read the two options for rules.

    Raises:
        SpecError: One is none of its values, or both are given.
    """
    asked = AskedRule(parse_threshold(threshold), parse_decide(decide))
    require(
        asked.threshold is None or decide is None,
        f"{option('threshold')} and {option('decide')} exclude each other: both say how to decide",
    )
    return asked


def refuse_threshold(target: Target, form: SampleForm | None) -> None:
    """Refuse a threshold unless there are two classes in one column.

    Raises:
        SpecError: Another target, more than two classes, or more than one value column.
    """
    why = target.why_no_threshold()
    require(not why, f"{option('threshold')} applies to two classes only; this dataset has {why}")
    if form is not None and form.is_wide:
        raise SpecError(f"{option('threshold')} needs one value column; the sample submission has one for each class")


def refuse_unfitted(asked: AskedRule, cells: Cells, metric: Metric | None, *, knows_held_out: bool) -> None:
    """Refuse a fitted rule that cannot be fitted, before anything is predicted.

    Raises:
        SpecError: The metric does not judge decisions, or the only column is about the first of two classes.
        RunError: No images to fit on.
    """
    target = cells.target
    if asked.decide.is_fitted:
        refuse_undecided(target, metric or find_metric(target.default_metric))
    if asked.is_fitted:
        refuse_first(cells)
    if asked.is_fitted and not knows_held_out:
        what = "a rule" if asked.decide.is_fitted else "a threshold"
        raise RunError(
            f"runs on folds together with runs on the dataset's own split leave no images to choose {what} on"
            " that none of them was trained on; give a number, or name runs of one kind"
        )


def refuse_first(cells: Cells) -> None:
    """Refuse to fit a rule for the first of two classes: rules are thresholds of the second.

    Raises:
        SpecError: The only column is about the first.
    """
    first, last = cells.target.names[0], cells.target.names[-1]
    require(
        cells.positive != first,
        f"column {cells.form.columns[0]} is about class {first}, and a rule is chosen for class {last}, the second of"
        " the two; give a number",
    )


def choose_threshold(wanted: Wanted, held_out: OutOfFold) -> Threshold:
    """Choose a threshold for the second of two classes.

    Raises:
        RunError: None reaches the goal.
    """
    scores, positive = held_out.scores, held_out.classes[1]
    chosen = wanted.choose(scores.labels == 1, scores.probabilities[:, 1], positive)
    if chosen is None:
        raise RunError(
            f"no threshold reaches {wanted.goal} of class {positive} on {held_out.scored_on} predictions: they have"
            " none of it, or are not numbers; give a number"
        )
    return chosen


def score_cells(cells: Cells, held_out: OutOfFold, metric: Metric | None) -> Scored:
    """Score held-out predictions as the cells hold them.

    Args:
        cells: Cells with their rule.
        held_out: Predictions of images that no run was trained on.
        metric: Metric that the dataset was given. Without one, classes are scored by accuracy and their probabilities
            by AUC, guesses by MAP, and all else by the target's default.

    Returns:
        The score; none where it is not defined.
    """
    goal = _scored_by(cells, metric)
    try:
        found = held_out.scores.judge(goal, cells.decision, cells.positive)
    except SpecError:  # a metric of probabilities, and predictions that are numbers
        return Scored()
    value = None if found.left_out and metric is None else _number(found)
    return Scored() if value is None else Scored(metric=goal.name, score=value)


def _scored_by(cells: Cells, metric: Metric | None) -> Metric:
    """Choose the metric that a file is scored by: the dataset's, unless cells hold decisions that it does not judge."""
    form = cells.form
    if metric and (form.holds != "decisions" or metric.judges in {"decisions", "ranks"}):
        return metric
    if form.holds == "ranks":
        return find_metric(f"map@{form.guesses}")
    return find_metric(cells.target.default_metric if metric else cells.target.metric_of(form.holds or ""))


def crossed_threshold(wanted: Wanted, held_out: OutOfFold, metric: Metric | None) -> float | None:
    """Score thresholds that are chosen without each fold, on that fold, by accuracy or the dataset's metric.

    Returns:
        The score; None of a single fold, where the other folds of one have no threshold, and where it is not defined.
    """
    scores = held_out.scores
    if metric is None or metric.judges != "decisions":
        return wanted.crossed_accuracy(scores.labels == 1, scores.probabilities[:, 1], held_out.folds)

    def fit(target: Target, _: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
        chosen = wanted.choose(truth == 1, predictions[:, 1], target.names[1])
        if chosen is None:
            raise RunError("no threshold")
        return Decision(thresholds=(chosen.threshold,))

    try:
        found = crossed_score(held_out.target, metric, scores.labels, scores.outputs, held_out.folds, fit=fit)
    except RunError:
        return None
    return _number(found)


def fewest_tags(cells: Cells, sample: Sample | None, held_out: OutOfFold | None) -> int:
    """Count the fewest tags of an image: one where a cell cannot be empty, or no held-out image lacks tags."""
    if not cells.are_joined or cells.target.word_for_none:
        return 0
    is_full = sample is not None and not sample.has_blanks
    lacks_none = held_out is not None and bool(np.asarray(held_out.scores.labels > 0).any(axis=-1).all())
    return int(is_full or lacks_none)


def _number(score: Score | None) -> float | None:
    return None if score is None else known(score.value)
