"""How often verdicts are false where a paired t test is not used as it is meant to be.

Whoever looks after every further seed, and stops at the first p below .05, tests several times. An arm that collapses
now and then, and is as good as the baseline on average, looks better in all ablations that saw no collapse. Seeds that
share something, as runs that go on from one pretrained network do, are fewer than they look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, ttest_1samp

ABLATIONS = 20_000  # two arms each
LOOKS = (range(3, 4), range(3, 11), range(3, 21), (3, 5, 10), (5, 10))
COLLAPSES = (0.02, 0.05, 0.1, 0.2)  # share of an arm's runs
GAIN = 5  # standard deviations of a difference, by which the other runs are better
CORRELATIONS = (0, 0.1, 0.2, 0.5)  # between the differences of two seeds
SEEDS = (3, 5, 10)


def run() -> None:
    generator = np.random.default_rng(0)
    print(f"\nequal arms, {ABLATIONS:,} ablations of two arms a line: p < .05 and its 95 % interval (Clopper-Pearson)")
    for looks in LOOKS:
        differences = generator.normal(size=(ABLATIONS, max(looks)))
        named = f"{looks[0]} to {looks[-1]}" if isinstance(looks, range) else ", ".join(map(str, looks))
        print(f"  looks after {named:12} seeds  {_share(_ever(differences, looks))}")
    print(f"an arm that collapses in some runs, is {GAIN} sd better in the others, and equal on average")
    for share in COLLAPSES:
        for seeds in SEEDS:
            collapsed = generator.random(size=(ABLATIONS, seeds)) < share
            means = np.where(collapsed, -GAIN * (1 - share) / share, GAIN)
            false = _ever(means + generator.normal(size=means.shape), [seeds])
            print(f"  collapses {share:4.0%}, {seeds:2} seeds  {_share(false)}")
    print("equal arms whose differences correlate from seed to seed")
    for correlation in CORRELATIONS:
        for seeds in SEEDS:
            common, own = generator.normal(size=(ABLATIONS, 1)), generator.normal(size=(ABLATIONS, seeds))
            false = _ever(np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own, [seeds])
            print(f"  correlation {correlation:3.1f}, {seeds:2} seeds  {_share(false)}")


def _ever(differences: npt.NDArray[np.float64], looks: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Tell which ablations have p below .05 at any look at their first seeds."""
    return np.any([ttest_1samp(differences[:, :seeds], 0, axis=1).pvalue < 0.05 for seeds in looks], axis=0)


def _share(false: npt.NDArray[np.bool_]) -> str:
    count = int(false.sum())
    interval = binomtest(count, ABLATIONS).proportion_ci()
    return f"{count / ABLATIONS:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


if __name__ == "__main__":
    run()
