"""Intervals of metrics over the images of a split: other images of the same kind would have scored otherwise.

The percentile bootstrap (Efron 1979, doi:10.1214/aos/1176344552): images are drawn with replacement, as many as there
are, and the metric is computed of each such resample; the middle 95 % of the values are the interval. It stays within
the metric's range, is the same for a metric and any monotone function of it, and needs nothing but the metric, so that
one's own have intervals, too. BCa intervals (Efron 1987) need a value without each single image as well, which most
metrics have in no shorter way than n further computations.

Percentiles are too narrow for few images, by as much as a normal interval is beside Student's t with a standard
deviation of n; their levels are adjusted by that much (Hesterberg 2015, doi:10.1080/00031305.2015.1089789, 5.3).

Where images are in groups, such as patients, whole groups are drawn (the cluster bootstrap; Field & Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x), because the images of one tell less than as many of several.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from kit.inference.predictions import Predictions
from kit.metrics import Metric
from kit.metrics.weightings import Weighted, prepare
from kit.progress import NO_PROGRESS, Progress
from kit.significance import LEVEL

RESAMPLES = 2000  # of few images: the ends of a 95 % interval are 50 resamples deep
FEWEST = 200  # of very many images or columns, whose intervals are narrow
SEED = 0  # of the resampling: equal predictions give equal intervals
_AT_ONCE = 1_000_000  # weights in memory at a time: 8 MB, about what a processor keeps near
_PATIENCE = 750_000_000  # nanoseconds for a metric, and for drawing, before there are fewer resamples
_DRAW = 10  # nanoseconds to draw an image
_DEFINED = 0.95  # share of the resamples in which a metric must have a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """95 % interval of a metric.

    Attributes:
        low: Lower end.
        high: Upper end.
        resamples: Number of resamples.
        drawn: Name of what was drawn, "images" or "groups".
        units: Number of images or groups in each resample.
    """

    low: float
    high: float
    resamples: int
    drawn: str
    units: int


@dataclass(frozen=True, slots=True)
class Units:
    """What is drawn: images, or whole groups of them.

    Attributes:
        index: Unit of each image, int [n]; None where each image is one.
        count: Number of units.
    """

    index: NDArray[np.int64] | None
    count: int

    @classmethod
    def of(cls, groups: Sequence[str] | None, images: int) -> Units:
        """Number the groups; an image without a group is a unit of its own.

        Args:
            groups: Group of each image, empty where it has none; None where images are in no groups.
            images: Number of images.
        """
        if groups is None or not any(groups):
            return cls(None, images)
        names = [(group, "") if group else ("", index) for index, group in enumerate(groups)]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return cls(np.array([numbers[name] for name in names]), len(numbers))

    @property
    def noun(self) -> str:
        """Word for several of them."""
        return "images" if self.index is None else "groups"

    def at(self, indices: NDArray[np.intp]) -> Units:
        """Take the units of some of the images."""
        if self.index is None:
            return Units(None, len(indices))
        found, index = np.unique(self.index[indices], return_inverse=True)
        return Units(index, len(found))

    def spread(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each image, that of its unit: [n, b] of [units, b]."""
        return weights if self.index is None else weights[self.index]


def bootstrap(
    scores: Predictions, metrics: Sequence[Metric], units: Units, progress: Progress = NO_PROGRESS
) -> list[Interval | None]:
    """Compute the interval of each metric over the same resamples.

    Metrics that take long for so many images or columns get fewer resamples, 200 at least.

    Args:
        scores: Predictions of n images.
        metrics: Metrics that fit them.
        units: Images, or groups of them, that are drawn.
        progress: Progress that sees every resample.

    Returns:
        An interval for each metric; None where a prediction is not a number, where more than one resample in twenty
        has no value, and where all have the same, as of predictions that are all right: these tell of no other images.
    """
    prepared = [prepared_metric(scores, metric) for metric in metrics]
    values = resample([one for one in prepared if one], units, progress)
    return [_interval(next(values), units) if one else None for one in prepared]


def prepared_metric(scores: Predictions, metric: Metric) -> Weighted | None:
    """Prepare a metric of predictions for many weightings of the images; None where a prediction is not a number."""
    target = scores.target
    if not scores.are_numbers.all():
        return None
    given = target.judged(scores.outputs, metric.judges, scores.decision, metric.guesses)
    return prepare(metric, scores.labels, given, target.names)


def resample(
    prepared: Sequence[Weighted], units: Units, progress: Progress = NO_PROGRESS
) -> Iterator[NDArray[np.float64]]:
    """Compute prepared metrics in resamples: float64 [resamples] of each, NaN where it has no value."""
    wanted = [resamples_of(one, units) for one in prepared]
    values: list[list[NDArray[np.float64]]] = [[] for _ in prepared]
    progress.start("resample", max(wanted, default=0))
    done = 0
    for weights in _draws(units, max(wanted, default=0)):
        for one, found, most in zip(prepared, values, wanted, strict=True):
            if done < most:
                found.append(one.values(weights[:, : most - done]))
        done += weights.shape[1]
        progress.advance(weights.shape[1])
    progress.finish()
    return (np.concatenate(found) for found in values)


def resamples_of(one: Weighted, units: Units) -> int:
    """Choose the number of resamples by the time that one takes."""
    images = units.count if units.index is None else len(units.index)
    return int(np.clip(_PATIENCE // max(one.work, _DRAW * images), FEWEST, RESAMPLES))


def _draws(units: Units, resamples: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each image is drawn, float64 [n, b], for a number of resamples at a time."""
    rng = np.random.default_rng(SEED)
    images = units.count if units.index is None else len(units.index)
    at_once = int(np.clip(_AT_ONCE // max(images, 1), 8, RESAMPLES))
    for begin in range(0, resamples, at_once):
        drawn = rng.integers(0, units.count, (min(at_once, resamples - begin), units.count))
        counts = np.stack([np.bincount(one, minlength=units.count) for one in drawn])
        yield units.spread(np.ascontiguousarray(counts.T, np.float64))


def levels(units: int) -> tuple[float, float]:
    """Choose the percentiles of a 95 % interval over so many units, as shares; see the module's text."""
    low = float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(units - 1, LEVEL / 2)))
    return low, 1 - low


def _interval(values: NDArray[np.float64], units: Units) -> Interval | None:
    known = values[~np.isnan(values)]
    if units.count < 2 or len(known) < _DEFINED * len(values) or np.ptp(known) == 0:  # noqa: PLR2004 (one tells of no other)
        return None
    low, high = np.quantile(known, levels(units.count))
    return Interval(low=float(low), high=float(high), resamples=len(values), drawn=units.noun, units=units.count)
