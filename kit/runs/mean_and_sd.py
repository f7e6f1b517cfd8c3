"""What several runs come to together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeanAndSD:
    """A mean over runs.

    Attributes:
        mean: Mean over the runs; NaN if one of them is no finite number.
        sd: Sample standard deviation; None for a single run, whose spread nobody knows.
    """

    mean: float
    sd: float | None


def mean_and_sd_of(values: Sequence[float]) -> MeanAndSD | None:
    """Mean and sample standard deviation; None without values."""
    if not values:
        return None
    if not all(map(math.isfinite, values)):
        return MeanAndSD(math.nan, None)
    return MeanAndSD(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)
