"""Figures of several seeds: pure functions of numbers."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over runs.

    Attributes:
        mean: over the runs; NaN if one of them is.
        sd: sample standard deviation; None for a single run, whose spread nobody knows.
    """

    mean: float
    sd: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference from the baseline, with its confidence interval."""

    mean: float
    low: float
    high: float


def figure(values: Sequence[float]) -> Figure | None:
    """Mean and sample standard deviation; None without values."""
    if not values:
        return None
    if any(math.isnan(value) for value in values):
        return Figure(math.nan, None)
    return Figure(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def volatility(values: Sequence[float]) -> float | None:
    """Mean absolute change from one epoch to the next; None for a single epoch."""
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    return statistics.fmean(steps) if steps else None


def paired_difference(
    values: Mapping[int, float], baseline: Mapping[int, float], *, comparisons: int
) -> Difference | None:
    """Mean difference over the seeds that both have, with a t interval that holds for all comparisons together.

    Args:
        values: by seed.
        baseline: by seed.
        comparisons: arms that are compared with the baseline; the interval is widened for them (Bonferroni).

    Returns:
        None with fewer than two common seeds, or values that are not numbers: no interval can be said.
    """
    differences = [values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())]
    spread = figure(differences)
    if spread is None or spread.sd is None:
        return None
    from scipy.stats import t

    error = 1 - CONFIDENCE
    reach = float(t.ppf(1 - error / (2 * comparisons), len(differences) - 1)) * spread.sd / math.sqrt(len(differences))
    return Difference(spread.mean, spread.mean - reach, spread.mean + reach)
