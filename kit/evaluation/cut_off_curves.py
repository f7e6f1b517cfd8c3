"""A metric of decided grades against the cut-offs on the expected grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.cut_offs import Positions, Ranking, fit_grades
from kit.evaluation.decisions import crossed_score
from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.metrics.score import known
from kit.targets import NO_DECISION, Decision

POINTS = 101  # cut-offs of a curve
FOLDS = 5  # parts that are decided by cut-offs fitted to the others
MOST = 10  # grades whose cut-offs are tried: more take minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """A rule by which expected grades become grades, and what the metric makes of it.

    Attributes:
        name: Name of the rule.
        cut_offs: Cut-offs, ascending; empty where the likeliest grade is taken, and where they differ by image.
        score: Value of the metric; None where it has none.
        accuracy: Share of images whose grade is the true one; None where cut-offs differ by image.
        distance: Mean distance of the true and the decided grade; None where cut-offs differ by image.
    """

    name: str
    cut_offs: tuple[float, ...]
    score: float | None
    accuracy: float | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOffCurve:
    """Values of a metric while one cut-off moves between its neighbours.

    Attributes:
        grade: Index of the grade that begins at the cut-off.
        at: The cut-off where it is while others move.
        cut_offs: Cut-offs that are tried, ascending, float64 [points].
        scores: Values of the metric, float64 [points]; NaN where it has none.
        direction: "max" if higher is better, else "min".
    """

    grade: int
    at: float
    cut_offs: NDArray[np.float64]
    scores: NDArray[np.float64]
    direction: str

    @property
    def best(self) -> tuple[float, float] | None:
        """Best cut-off, the first of equals, and its score; None where none has a score."""
        if np.isnan(self.scores).all():
            return None
        index = int(np.nanargmax(self.scores) if self.direction == "max" else np.nanargmin(self.scores))
        return float(self.cut_offs[index]), float(self.scores[index])

    def plateau(self, within: float) -> tuple[float, float]:
        """Find the range around the cut-off, without a gap, in which the score is at most so much worse than there."""
        here = int(np.searchsorted(self.cut_offs, self.at))
        sign = 1 if self.direction == "max" else -1
        is_close = sign * (self.scores - self.scores[here]) >= -within
        low, high = here, here
        while low > 0 and is_close[low - 1]:
            low -= 1
        while high + 1 < len(is_close) and is_close[high + 1]:
            high += 1
        return float(self.cut_offs[low]), float(self.cut_offs[high])


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOffs:
    """A metric against cut-offs: of the usual ones, of those fitted to the same images, and as each one moves.

    Attributes:
        metric: Metric that judges the decisions.
        rules: Rules with their scores, the usual one first.
        usual: Cut-offs half-way between grades.
        fitted: Cut-offs fitted to the same images, whose score is optimistic.
        from_usual: Curves of each cut-off, the others half-way between grades.
        from_fitted: Curves of each cut-off, the others fitted.
    """

    metric: Metric
    rules: tuple[DecisionRule, ...]
    usual: tuple[float, ...]
    fitted: tuple[float, ...]
    from_usual: tuple[CutOffCurve, ...]
    from_fitted: tuple[CutOffCurve, ...]


def measure_cut_offs(scores: Predictions, metric: Metric, folds: NDArray[np.int32] | None = None) -> CutOffs | None:
    """Judge predictions of grades by the usual cut-offs, by fitted ones, and as each cut-off moves.

    Args:
        scores: Predictions of grades, each a number or the probability of each grade; those that are not numbers are
            left out.
        metric: Metric that judges decisions.
        folds: Fold of each image, int32 [n], which is decided by cut-offs fitted to the others; every fifth image is
            of one otherwise.

    Returns:
        The figures; None of more than ten grades, and of fewer images than grades.
    """
    numeric = np.flatnonzero(scores.are_numbers)
    grades = len(scores.target.names)
    if grades > MOST or len(numeric) < max(grades, FOLDS):
        return None
    kept = scores.at(numeric)
    parts = (np.arange(len(scores.keys), dtype=np.int32) % FOLDS if folds is None else folds)[numeric]
    usual = tuple(index + 0.5 for index in range(grades - 1))
    fitted = fit_grades(kept.target, metric, kept.labels, kept.outputs).thresholds
    numbers = kept.target.numbers(kept.outputs)
    ranking = Ranking(metric, kept.labels, numbers, kept.target.names)
    from_usual, from_fitted = (_curves(ranking, metric, base) for base in (usual, fitted))
    return CutOffs(
        metric=metric,
        rules=tuple(_rules(kept, metric, usual, fitted, parts)),
        usual=usual,
        fitted=fitted,
        from_usual=from_usual,
        from_fitted=from_fitted,
    )


def _rules(
    scores: Predictions,
    metric: Metric,
    usual: tuple[float, ...],
    fitted: tuple[float, ...],
    folds: NDArray[np.int32],
) -> list[DecisionRule]:
    rules = [_rule("the likeliest grade", scores, metric, NO_DECISION)] if scores.are_probabilities else []
    rules.append(_rule("the nearest grade", scores, metric, Decision(thresholds=usual)))
    if scores.decision.thresholds:
        rules.append(_rule("as decided here", scores, metric, scores.decision))
    rules.append(_rule("fitted to these images", scores, metric, Decision(thresholds=fitted)))
    crossed = crossed_score(scores.target, metric, scores.labels, scores.outputs, folds)
    if crossed:
        rules.append(DecisionRule(name="fitted to other images", cut_offs=(), score=known(crossed.value)))
    return rules


def _rule(name: str, scores: Predictions, metric: Metric, decision: Decision) -> DecisionRule:
    decided = scores.target.decide(scores.outputs, decision)
    distances = np.abs(decided - scores.labels)
    return DecisionRule(
        name=name,
        cut_offs=decision.thresholds,
        score=known(scores.judge(metric, decision).value),
        accuracy=float((distances == 0).mean()),
        distance=float(distances.mean()),
    )


def _curves(ranking: Ranking, metric: Metric, base: Sequence[float]) -> tuple[CutOffCurve, ...]:
    ends = (min(ranking.values[0], base[0]), *base, max(ranking.values[-1], base[-1]))
    return tuple(
        _curve(ranking, metric, base, index, np.linspace(ends[index], ends[index + 2], POINTS))
        for index in range(len(base))
    )


def _curve(
    ranking: Ranking, metric: Metric, base: Sequence[float], index: int, tried: NDArray[np.float64]
) -> CutOffCurve:
    cut_offs = np.sort(np.append(tried, base[index]))
    rows = ((*base[:index], cut_off, *base[index + 1 :]) for cut_off in cut_offs)
    sign = 1 if metric.direction == "max" else -1
    gains = np.array([ranking.score(_positions(ranking, row)) for row in rows])
    return CutOffCurve(
        grade=index + 1,
        at=base[index],
        cut_offs=cut_offs,
        scores=np.where(np.isfinite(gains), sign * gains, np.nan),
        direction=metric.direction,
    )


def _positions(ranking: Ranking, cut_offs: Sequence[float]) -> Positions:
    return tuple(int(position) for position in np.searchsorted(ranking.values, cut_offs))
