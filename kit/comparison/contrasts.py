"""Contrasts: pairs of arms to compare, and the verdict on each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.comparison.paired_t_test import ROUNDING, Difference, Verdict, judge
from kit.comparison.pairing import Shared, Side, pair, share
from kit.comparison.trajectory import Trajectory
from kit.metrics.direction import smaller_is_better

Against = Literal["first", "previous"]
_NAMED = 3  # runs that a verdict names
Names: TypeAlias = tuple[str, str]  # an arm and its reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """An arm compared with a reference arm.

    Attributes:
        arm: Name of the arm.
        reference: Name of the reference arm.
        difference: Paired difference from the reference; None without pairs.
        verdict: Verdict on that difference.
        shared: Both arms over the paired runs; None without pairs, or if the arms cannot be compared.
    """

    arm: str
    reference: str
    difference: Difference | None
    verdict: Verdict
    shared: Shared | None


def plan_steps(arms: Sequence[str]) -> dict[str, str]:
    """Map each arm but the first to the previous one.

    >>> plan_steps(["dense", "convolutions", "dropout"])
    {'convolutions': 'dense', 'dropout': 'convolutions'}
    """
    return {arm: before for before, arm in itertools.pairwise(arms)}


def judge_contrasts(
    contrasts: Sequence[Names],
    arms: Mapping[str, Sequence[Trajectory]],
    metric: str,
    *,
    folds: int = 0,
    untested: int = 0,
) -> dict[Names, Contrast]:
    """Test every pair of arms, with p corrected for all pairs together.

    Args:
        contrasts: Pairs of names, each once.
        arms: Runs by arm, the baseline first.
        metric: Metric by Keras' name.
        folds: Number of folds of the dataset; 0 without validation on folds.
        untested: Number of further arms to correct p for.
    """
    baseline = next(iter(arms))
    why_not = {names: why for names in contrasts if (why := _why_not(names, arms, metric, baseline))}
    tested = [names for names in contrasts if names not in why_not]
    pairs = {names: pair(arms[names[0]], arms[names[1]], metric, folds=folds) for names in tested}
    sign = smaller_is_better(metric)
    judged = judge(pairs, comparisons=len(contrasts) + untested, smaller_is_better=sign)
    found: dict[Names, Contrast] = {}
    for names in contrasts:
        difference, verdict = judged.get(names) or (None, why_not[names])
        shared = share(arms[names[0]], arms[names[1]], metric) if names in judged else None
        found[names] = Contrast(
            arm=names[0],
            reference=names[1],
            difference=difference,
            verdict=_against_base_rate(verdict, shared, smaller_is_better=sign),
            shared=shared,
        )
    return found


def beats_base_rate(mean: float, rate: float, *, smaller_is_better: bool) -> bool:
    """Whether a mean is better than the base rate by more than the rounding of float32."""
    gain = rate - mean if smaller_is_better else mean - rate
    return gain > ROUNDING * max(abs(mean), abs(rate))


def _against_base_rate(verdict: Verdict, shared: Shared | None, *, smaller_is_better: bool) -> Verdict:
    """Turn a significant difference between two arms below the base rate into a warning."""
    if shared is None or verdict.outcome not in {"better", "worse"}:
        return verdict
    if any(_beats(side, smaller_is_better=smaller_is_better) for side in (shared.arm, shared.reference)):
        return verdict
    return Verdict("warning", f"warning: {verdict.outcome}, but neither beats the base rate")


def _beats(side: Side, *, smaller_is_better: bool) -> bool:
    """Whether an arm beats the base rate; assumed if the base rate is unknown."""
    if side.last is None or side.base_rate is None:
        return True
    return beats_base_rate(side.last.mean, side.base_rate, smaller_is_better=smaller_is_better)


def _why_not(names: Names, arms: Mapping[str, Sequence[Trajectory]], metric: str, baseline: str) -> Verdict | None:
    """Return the reason why two arms cannot be compared; None if they can."""
    arm, reference = (arms[name] for name in names)
    title = "the baseline" if names[1] == baseline else names[1]
    if found := _fault(arm, metric) or _fault(reference, metric, f"{title} "):
        return found
    return None if share(arm, reference, metric) else Verdict("unknown", f"no seed in common with {title}")


def _fault(runs: Sequence[Trajectory], metric: str, title: str = "") -> Verdict | None:
    """Return what keeps the runs of an arm, or of its reference, from being compared."""
    lacking = [run for run in runs if run.last(metric) is None]
    if lacking:
        which = "" if len(lacking) == len(runs) else f" in {_named(lacking, runs)}"
        return Verdict("unknown", f"{title}did not record {metric}{which}")
    if diverged := [run for run in runs if run.is_diverged]:
        return Verdict("unknown" if title else "diverged", f"{title}diverged in {_counted(diverged, runs)}")
    if undefined := [run for run in runs if math.isnan(run.last(metric) or 0.0)]:
        return Verdict("unknown", f"{title}has no value of {metric} in {_named(undefined, runs)}")
    return None


def _counted(some: Sequence[Trajectory], runs: Sequence[Trajectory]) -> str:
    return f"{len(some)} of {len(runs)} run{'s' if len(runs) > 1 else ''}"


def _named(some: Sequence[Trajectory], runs: Sequence[Trajectory]) -> str:
    """Count some of the runs, and name the first three."""
    names = [run.run.path.name if run.run else run.whence or run.arm for run in some]
    return f"{_counted(some, runs)}: {', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"
