"""Thresholds of tags, and how many tags an image has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.evaluation.cut_offs import gain, threshold_at
from kit.metrics import Metric
from kit.metrics.accuracy import accuracy
from kit.metrics.counts import Counts
from kit.metrics.f_scores import (
    f_beta,
    f_of_counts,
    macro_f_beta,
    micro_f_beta,
    precision,
    precision_of_counts,
    recall,
    recall_of_counts,
    samples_f_beta,
)
from kit.targets import NO_DECISION, Decision, Target, Truth, judge
from kit.targets.tags import EVEN

_TRIED = 64  # thresholds of a tag that are tried for a metric of one's own

Marks = NDArray[np.bool_]
OfCounts = Callable[[Counts], NDArray[np.float64]]


class Columns:
    """Images in descending order of each tag's probability.

    Flags count the images of a tag that its threshold marks: the likeliest.

    Args:
        truth: Int8 [n, tags] of 0 and 1.
        probabilities: Float [n, tags], all of them finite.
    """

    def __init__(self, truth: Truth, probabilities: NDArray[Any]) -> None:
        self.truth = truth.astype(bool)
        self.probabilities = probabilities
        self.images, self.tags = truth.shape
        self.order = np.argsort(-probabilities, axis=0, kind="stable")
        self.sorted = np.take_along_axis(probabilities, self.order, axis=0)
        hits = np.cumsum(np.take_along_axis(self.truth, self.order, axis=0), axis=0)
        self.hits = np.concatenate([np.zeros((1, self.tags), np.int64), hits])
        parts = np.ones((self.images + 1, self.tags), bool)  # where equal probabilities are not torn apart
        parts[1:-1] = self.sorted[:-1] > self.sorted[1:]
        self.parts = parts

    def default(self) -> NDArray[np.int64]:
        """Count the flags of the target's own rule."""
        return np.asarray((self.probabilities >= EVEN).sum(axis=0), np.int64)

    def best(self, gains: NDArray[np.float64]) -> NDArray[np.int64]:
        """Choose each tag's flags, the fewest of equals, by the gains [n + 1, tags] of every number of flags."""
        return np.asarray(np.where(self.parts, gains, -np.inf).argmax(axis=0), np.int64)

    def marks(self, flags: NDArray[np.int64]) -> Marks:
        """Mark the flagged images of each tag: bool [n, tags]."""
        marks = np.zeros((self.images, self.tags), bool)
        np.put_along_axis(marks, self.order, np.arange(self.images)[:, None] < flags, axis=0)
        return marks

    def rule(self, flags: NDArray[np.int64]) -> Decision:
        """Write the thresholds that give these flags."""
        ascending = self.sorted[::-1]
        positions = self.images - flags
        return Decision(
            thresholds=tuple(
                threshold_at(ascending[:, tag], int(position)) for tag, position in enumerate(positions.tolist())
            )
        )


Search = Callable[[Columns, Metric], list[NDArray[np.int64]]]


def fit_tags(target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
    """Choose a threshold for each tag and, where it helps, the fewest and most tags of an image; see `fit_decision`."""
    columns = Columns(truth, target.probabilities(predictions))
    search = _SEARCHES.get(_plain(metric)[0], _by_trying)
    rules = [NO_DECISION, *(columns.rule(flags) for flags in search(columns, metric))]

    def score(rule: Decision) -> float:
        value = judge(target, metric, truth, predictions, decision=rule).value
        return -np.inf if np.isnan(value) else value if metric.direction == "max" else -value

    most = int(truth.sum(axis=1).max())
    return max((_limited(rule, most, score) for rule in rules), key=score)


def _limited(rule: Decision, most: int, score: Callable[[Decision], float]) -> Decision:
    """Raise the fewest tags of an image, then lower the most, as long as that is not worse."""
    fewest = [msgspec.structs.replace(rule, least=least) for least in range(1, most + 1)]
    rule = _last_of_the_best(rule, fewest, score)
    limits = [msgspec.structs.replace(rule, most=top) for top in range(most, max(0, rule.least - 1), -1)]
    return _last_of_the_best(rule, limits, score)


def _last_of_the_best(rule: Decision, others: list[Decision], score: Callable[[Decision], float]) -> Decision:
    """Go through rules until one is worse than the best before; the first of equals."""
    best, found = score(rule), rule
    for other in others:
        value = score(other)
        if value < best:
            break
        if value > best:
            best, found = value, other
    return found


def _plain(metric: Metric) -> tuple[Callable[..., Any], float]:
    """Tell a metric's function, and its beta."""
    function = metric.function
    if isinstance(function, partial):
        return function.func, function.keywords.get("beta", 1.0)
    return function, 1.0


def _by_column(columns: Columns, metric: Metric) -> list[NDArray[np.int64]]:
    """Choose every tag's threshold alone: the mean over tags is best where each is.

    A tag without images is left out of the mean where it is never decided for, and else counts 0.
    """
    function, beta = _plain(metric)
    gains = _OF_COUNTS[function](beta)(_counts(columns))
    return [columns.best(np.nan_to_num(gains, nan=np.inf))]


def _counts(columns: Columns) -> Counts:
    flags = np.arange(columns.images + 1, dtype=np.float64)[:, None]
    return Counts(columns.hits.astype(np.float64), flags, columns.truth.sum(axis=0).astype(np.float64))


def _together(columns: Columns, metric: Metric) -> list[NDArray[np.int64]]:
    """Maximise a ratio of sums over the tags (Dinkelbach 1967): what is above less its value by what is below."""
    _, beta = _plain(metric)
    flags, actual, tags = columns.default(), columns.truth.sum(), np.arange(columns.tags)
    counted = np.arange(columns.images + 1)[:, None]
    ratio = -1.0
    while True:
        above = (1 + beta**2) * columns.hits[flags, tags].sum()
        below = flags.sum() + beta**2 * actual
        if not below or above / below <= ratio:
            return [flags]
        ratio = above / below
        flags = columns.best((1 + beta**2) * columns.hits - ratio * counted)


def _by_image(columns: Columns, metric: Metric) -> list[NDArray[np.int64]]:
    """Move one tag's threshold after another to its best, until none moves; from the target's rule, and from another.

    The other is that of the F-score of all tags together.
    """
    starts = [columns.default(), *_together(columns, metric)]
    return [_climb(columns, metric, start) for start in starts]


def _climb(columns: Columns, metric: Metric, flags: NDArray[np.int64]) -> NDArray[np.int64]:
    function, beta = _plain(metric)
    score = _OF_IMAGES[function](beta)
    marks = columns.marks(flags)
    hits, marked, actual = (marks & columns.truth).sum(axis=1), marks.sum(axis=1), columns.truth.sum(axis=1)
    is_moving = True
    while is_moving:
        is_moving = False
        for tag in range(columns.tags):
            truth, order = columns.truth[:, tag], columns.order[:, tag]
            without, others = hits - (marks[:, tag] & truth), marked - marks[:, tag]
            added = score(without + truth, others + 1, actual) - score(without, others, actual)
            gains = np.where(columns.parts[:, tag], np.concatenate([[0.0], np.cumsum(added[order])]), -np.inf)
            best = int(gains.argmax())
            if gains[best] > gains[flags[tag]] + _ROUNDING:
                flags, is_moving = flags.copy(), True
                flags[tag] = best
                marks[order, tag] = np.arange(columns.images) < best
            hits, marked = without + (marks[:, tag] & truth), others + marks[:, tag]
    return flags


_ROUNDING = 1e-9  # images


def _by_trying(columns: Columns, metric: Metric) -> list[NDArray[np.int64]]:
    """Try some thresholds of one tag after another, until none is better."""
    flags = columns.default()
    marks = columns.marks(flags)
    best = gain(metric, columns.truth, marks)
    is_moving = True
    while is_moving:
        is_moving = False
        for tag in range(columns.tags):
            possible = np.flatnonzero(columns.parts[:, tag])
            for count in possible[np.unique(np.linspace(0, len(possible) - 1, _TRIED).astype(int))]:
                kept = marks[:, tag].copy()
                marks[columns.order[:, tag], tag] = np.arange(columns.images) < count
                value = gain(metric, columns.truth, marks)
                if value > best:
                    best, is_moving = value, True
                    flags[tag] = count
                else:
                    marks[:, tag] = kept
    return [flags]


def _f_of_images(beta: float) -> Callable[..., NDArray[np.float64]]:
    def score(hits: NDArray[Any], marked: NDArray[Any], actual: NDArray[Any]) -> NDArray[np.float64]:
        return np.nan_to_num(f_of_counts(beta)(Counts(hits, marked, actual)), nan=1.0)

    return score


def _are_right(beta: float) -> Callable[..., NDArray[np.float64]]:
    del beta

    def score(hits: NDArray[Any], marked: NDArray[Any], actual: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray((hits == actual) & (marked == actual), np.float64)

    return score


_OF_COUNTS: Mapping[Callable[..., Any], Callable[[float], OfCounts]] = {
    f_beta: f_of_counts,
    macro_f_beta: f_of_counts,
    precision: lambda _: precision_of_counts,
    recall: lambda _: recall_of_counts,
}
_OF_IMAGES: Mapping[Callable[..., Any], Callable[[float], Callable[..., NDArray[np.float64]]]] = {
    samples_f_beta: _f_of_images,
    accuracy: _are_right,
}
_SEARCHES: Mapping[Callable[..., Any], Search] = {
    **dict.fromkeys(_OF_COUNTS, _by_column),
    micro_f_beta: _together,
    **dict.fromkeys(_OF_IMAGES, _by_image),
}
