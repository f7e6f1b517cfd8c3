"""Seeds still needed for a paired t test to detect a difference of the observed size."""

from __future__ import annotations

import bisect
import math
import statistics

POWER = 0.8  # probability of detecting a difference of the observed size
MOST = 1000  # largest number of further seeds tried


def further_seeds(differences: tuple[float, ...], level: float) -> float:
    """Count the seeds that a paired t test at `level` still needs to detect a difference of this size with POWER.

    The mean and standard deviation of `differences` are taken as the true ones.

    Returns:
        Number of further seeds; infinity for more than MOST.
    """
    from statsmodels.stats.power import TTestPower

    effect, n = abs(statistics.fmean(differences)) / statistics.stdev(differences), len(differences)
    test = TTestPower()

    def power(seeds: int) -> float:  # on the side of the difference; the other side's share is negligible
        return float(test.power(effect, seeds, level / 2, alternative="larger"))

    needed = bisect.bisect_left(range(n + 1, n + MOST + 1), POWER, key=power) + 1
    return math.inf if needed > MOST else float(needed)
