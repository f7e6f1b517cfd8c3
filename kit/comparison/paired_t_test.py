"""Student's paired t test between arms, corrected for the number of tests, and its verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from kit.comparison.pairing import FEWEST, Method, Pairs
from kit.comparison.seeds_needed import MOST, further_seeds
from kit.significance import LEVEL, Name, holm

ROUNDING = 1e-6  # relative: Keras reports float32, with seven significant digits

Outcome = Literal["baseline", "better", "worse", "warning", "no evidence", "diverged", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on an arm.

    Attributes:
        outcome: Verdict in short; "warning" means better or worse, but neither arm beats the base rate.
        words: Verdict with its reason.
    """

    outcome: Outcome
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A paired difference from the baseline: positive where the arm's figure is larger, whether better or worse.

    Results of the test are None with fewer than three pairs, or differences without spread.

    Attributes:
        mean: Mean over the pairs.
        n: Number of pairs; see `method`.
        method: Definition of a pair; see `Pairs`.
        low: Lower end of the 95 % confidence interval of the mean difference, for this arm alone.
        high: Upper end of that interval.
        p: P value of the t test that the mean difference is zero, two-sided.
        p_holm: P value corrected for the number of comparisons (Holm 1979).
        probability: Probability of the arm being better: the share of the mean difference's posterior (a t distribution
            under a flat prior) on the better side of zero.
        further_seeds: Number of further seeds needed to detect a difference of this size; None if detected or unknown,
            infinity for more than MOST.
    """

    mean: float
    n: int
    method: Method
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    probability: float | None = None
    further_seeds: float | None = None


def judge(
    arms: Mapping[Name, Pairs], *, comparisons: int, smaller_is_better: bool
) -> dict[Name, tuple[Difference | None, Verdict]]:
    """Test every arm against its reference.

    Args:
        arms: Pairs by the name of the arm or comparison.
        comparisons: Number of comparisons, tested or not: p is corrected for all of them.
        smaller_is_better: Whether smaller values are better, as for a loss.

    Returns:
        Differences and verdicts by the same names; no difference without a common seed.
    """
    tested = {name: _test(pairs, smaller_is_better=smaller_is_better) for name, pairs in arms.items()}
    corrected = holm({name: one.p for name, one in tested.items() if one and one.p is not None}, comparisons)
    return {
        name: _judge(
            arms[name],
            one and replace(one, p_holm=corrected.get(name)),
            comparisons,
            smaller_is_better=smaller_is_better,
        )
        for name, one in tested.items()
    }


def _test(pairs: Pairs, *, smaller_is_better: bool) -> Difference | None:
    """Apply Student's paired t test; on folds with the correction of Nadeau & Bengio 2003 for shared images."""
    n = len(pairs.differences)
    if n == 0:
        return None
    mean = statistics.fmean(pairs.differences)
    found = Difference(mean=mean, n=n, method=pairs.method)
    spread = statistics.stdev(pairs.differences) if n >= FEWEST else 0.0
    # Accuracies are counts of images, so that few of them tie. With ties of all pairs left untested, the test errs on
    # the safe side: of two equal arms whose counts spread by half an image it finds 0 % (3 seeds) to 4 % (10) unequal.
    if spread <= ROUNDING * pairs.scale:
        return found
    from scipy.stats import t

    error = spread * math.sqrt(1 / n + pairs.overlap)
    reach = float(t.ppf(1 - LEVEL / 2, n - 1)) * error
    return replace(
        found,
        low=mean - reach,
        high=mean + reach,
        p=float(2 * t.sf(abs(mean) / error, n - 1)),
        probability=float(t.cdf((-mean if smaller_is_better else mean) / error, n - 1)),
    )


def _judge(
    pairs: Pairs, found: Difference | None, comparisons: int, *, smaller_is_better: bool
) -> tuple[Difference | None, Verdict]:
    if found is None:
        return None, Verdict("unknown", "no seed in common with the baseline")
    if found.p_holm is not None and found.p_holm < LEVEL:
        outcome: Outcome = "better" if (found.mean < 0) == smaller_is_better else "worse"
        return found, Verdict(outcome, outcome)
    if found.p is not None and pairs.method != "folds":
        seeds = further_seeds(pairs.differences, LEVEL / comparisons)
        found = replace(found, further_seeds=seeds)
    return found, Verdict("no evidence", f"no evidence; {_reason(pairs, found)}")


def _reason(pairs: Pairs, found: Difference) -> str:
    seeds = found.further_seeds
    if found.n < FEWEST:
        return "three seeds are needed"
    if found.p is None:
        is_equal = max(map(abs, pairs.differences)) <= ROUNDING * pairs.scale
        return "the runs are equal" if is_equal else "all pairs differ by the same, which no test can judge"
    if seeds is None:
        left = FEWEST - pairs.seeds
        return f"{left} more seed{'s' if left > 1 else ''} would tell more"
    if math.isinf(seeds):
        return f">{MOST:,} more seeds would settle it"
    return f"about {seeds:,.0f} more seed{'s' if seeds > 1 else ''} would settle it"
