"""Mean and sample standard deviation over runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MeanAndSD:
    """A mean over runs with its spread.

    Attributes:
        mean: Mean over the runs; NaN if one of the values is not finite.
        sd: Sample standard deviation; None for a single run.
    """

    mean: float
    sd: float | None


def mean_and_sd_of(values: Sequence[float]) -> MeanAndSD | None:
    """Compute the mean and the sample standard deviation; None without values."""
    if not values:
        return None
    if not all(map(math.isfinite, values)):
        return MeanAndSD(math.nan, None)
    return MeanAndSD(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)
