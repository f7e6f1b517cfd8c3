"""Figures of several runs: pure functions of numbers."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over runs.

    Attributes:
        mean: over the runs; NaN if one of them is no finite number.
        sd: sample standard deviation; None for a single run, whose spread nobody knows.
    """

    mean: float
    sd: float | None


def figure(values: Sequence[float]) -> Figure | None:
    """Mean and sample standard deviation; None without values."""
    if not values:
        return None
    if not all(map(math.isfinite, values)):
        return Figure(math.nan, None)
    return Figure(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def volatility(values: Sequence[float]) -> float | None:
    """Mean absolute change from one epoch to the next; None for a single epoch."""
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    return statistics.fmean(steps) if steps else None


def holm(p: Mapping[Name, float], comparisons: int | None = None) -> dict[Name, float]:
    """Correct for several tests (Holm 1979): the chance of one false finding among all stays what one test's was.

    Args:
        p: by what was tested.
        comparisons: that were made; those beyond `p` found nothing that could be tested, and count as p = 1.
    """
    if not p:
        return {}
    from statsmodels.stats.multitest import multipletests

    missing = (len(p) if comparisons is None else comparisons) - len(p)
    corrected = multipletests([*p.values(), *[1.0] * missing], method="holm")[1]
    return {name: float(value) for name, value in zip(p, corrected, strict=False)}
