"""Seeds still needed: how many more a paired t test takes to find a difference of the size that was seen."""

from __future__ import annotations

import bisect
import math
import statistics

POWER = 0.8  # probability of finding a difference of the size that was seen
MOST = 1000  # further seeds that are looked for


def further_seeds(differences: tuple[float, ...], level: float) -> float:
    """Count the seeds that a paired t test at `level` still needs to find a difference of this size with POWER.

    The mean and standard deviation of `differences` stand for the true ones.

    Returns:
        Infinity for more than MOST.
    """
    from statsmodels.stats.power import TTestPower

    effect, n = abs(statistics.fmean(differences)) / statistics.stdev(differences), len(differences)
    test = TTestPower()

    def power(seeds: int) -> float:  # on the side where the difference lies; the other side's share is none
        return float(test.power(effect, seeds, level / 2, alternative="larger"))

    needed = bisect.bisect_left(range(n + 1, n + MOST + 1), POWER, key=power) + 1
    return math.inf if needed > MOST else float(needed)
