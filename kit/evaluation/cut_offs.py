"""Cut-offs on one number an image: between grades, and from which probability on the second of two classes is meant."""

from __future__ import annotations

import decimal
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError
from kit.metrics import Metric
from kit.metrics.registry import is_registered
from kit.targets import NO_DECISION, Decision, Target, Truth

_TWO = 2  # classes
_FINE = 256  # cut-offs that are tried at a time; around the best of them, those between are tried next
_DIGITS = decimal.Context(prec=9, rounding=decimal.ROUND_FLOOR)  # nine tell float32 numbers apart

Positions = tuple[int, ...]


class Ranking:
    """Images in ascending order of a number, and what they come to where the order is cut.

    A position counts the distinct numbers below a cut.

    Args:
        metric: Metric that judges decisions.
        truth: Int [n], classes or grades.
        numbers: Float [n], all of them finite.
        names: Names of the classes or grades.
    """

    def __init__(self, metric: Metric, truth: Truth, numbers: NDArray[Any], names: tuple[str, ...]) -> None:
        self._metric, self._truth, self._names = metric, truth, names
        self.values, self._indices = np.unique(numbers, return_inverse=True)
        size = len(names)
        counts = np.bincount(self._indices * size + truth, minlength=len(self.values) * size)
        self.tally = counts.reshape(-1, size)
        self._below = np.concatenate([np.zeros((1, size), np.int64), np.cumsum(self.tally, axis=0)])
        self._cells = np.indices((size, size)).reshape(2, -1)
        self._is_tallied = is_registered(metric)  # one's own may look at the images' order
        self._scores: dict[Positions, float] = {}  # while one cut moves, most are tried more than once

    @property
    def last(self) -> int:
        """Position above all numbers."""
        return len(self.values)

    def score(self, positions: Positions) -> float:
        """Judge the decisions that cuts make; minus infinity where there is no score, negated if lower is better."""
        if positions not in self._scores:
            self._scores[positions] = self._score(positions)
        return self._scores[positions]

    def _score(self, positions: Positions) -> float:
        if self._is_tallied:
            confusion = np.diff(self._below[[0, *positions, self.last]], axis=0)
            decided, true = self._cells
            weights = confusion.reshape(-1).astype(np.float64)
            return _signed(self._metric, self._metric.score_checked(true, decided, weights, columns=self._names).value)
        decided = np.searchsorted(positions, self._indices, side="right")
        return gain(self._metric, self._truth, decided, names=self._names)

    def corners(self) -> list[int]:
        """List the cuts of two classes that can be best where hits are better than none and false alarms worse."""
        others, found = (self.tally > 0).T
        kept = np.concatenate([[True], others]) & np.concatenate([found, [True]])
        kept[[0, -1]] = True
        return [int(position) for position in np.flatnonzero(kept)]

    def by_shares(self) -> Positions:
        """Cut so that each grade is decided for about as often as it is true."""
        below = self._below.sum(axis=1)
        wanted = np.cumsum(self.tally.sum(axis=0))[:-1]
        return tuple(int(position) for position in np.searchsorted(below, wanted))


def gain(metric: Metric, truth: Truth, decided: NDArray[Any], names: Sequence[str] = ()) -> float:
    """Judge decisions that are tried; minus infinity where there is no score, negated if lower is better."""
    try:
        value = metric.score(truth, decided, columns=names).value
    except SpecError:  # of one's own, which has no value where a class is never decided for; the rule there is, is kept
        return -np.inf
    return _signed(metric, value)


def _signed(metric: Metric, value: float) -> float:
    return -np.inf if np.isnan(value) else value if metric.direction == "max" else -value


def fit_second(target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
    """Choose the threshold of the second of two classes, the highest of equals; see `fit_decision`."""
    if len(target.names) != _TWO:
        return NO_DECISION
    ranking = Ranking(metric, truth, predictions[:, 1], target.names)
    if is_registered(metric):
        candidates = ranking.corners()[::-1]
        best = max(candidates, key=lambda position: ranking.score((position,)))
    else:
        best = _best_of(lambda position: ranking.score((position,)), 0, ranking.last)
    return Decision(thresholds=(threshold_at(ranking.values, best),))


def fit_grades(target: Target, metric: Metric, truth: Truth, predictions: NDArray[Any]) -> Decision:
    """Choose the cut-offs between grades on the expected grade; see `fit_decision`."""
    ranking = Ranking(metric, truth, target.numbers(predictions), target.names)
    count = len(target.names) - 1
    even = tuple(int(position) for position in np.searchsorted(ranking.values, np.arange(count) + 0.5))
    found = [_climb(ranking, start) for start in dict.fromkeys((even, ranking.by_shares()))]
    best = max(found, key=ranking.score)
    return Decision(thresholds=tuple(_between(ranking.values, position) for position in best))


def _climb(ranking: Ranking, start: Positions) -> Positions:
    """Move one cut after another to its best position, until none moves."""
    positions, score = list(start), ranking.score(start)
    while True:
        before = score
        for index in range(len(positions)):
            low = positions[index - 1] if index else 0
            high = positions[index + 1] if index + 1 < len(positions) else ranking.last

            def moved(position: int, index: int = index) -> float:
                return ranking.score((*positions[:index], position, *positions[index + 1 :]))

            position = _best_of(moved, low, high)
            if (value := moved(position)) > score:
                positions[index], score = position, value
        if score <= before:
            return tuple(positions)


def _best_of(score: Callable[[int], float], low: int, high: int) -> int:
    """Find the best position from low to high; of many, some of them first, and then those between their best ones."""
    while True:
        step = max(1, -(-(high - low) // _FINE))
        candidates = [*range(low, high, step), high]
        best = max(candidates, key=score)
        if step == 1:
            return int(best)
        low, high = max(low, best - step), min(high, best + step)


def threshold_at(values: NDArray[Any], position: int) -> float:
    """Write the threshold that lies above so many of the ascending values, in nine digits, at most the next value."""
    if position == len(values):
        return float(np.nextafter(np.float32(values[-1]), np.float32(np.inf)))
    return float(_DIGITS.create_decimal(decimal.Decimal(float(values[position]))))


def _between(values: NDArray[np.float64], position: int) -> float:
    """Cut in the middle between two neighbours; a quarter beyond the first or last."""
    ends: Sequence[float] = (values[0] - 0.5, *values, values[-1] + 0.5)
    below, above = (float(end) for end in itertools.islice(ends, position, position + 2))
    middle = (below + above) / 2
    return middle if middle > below else above
