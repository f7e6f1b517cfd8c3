"""Pairs runs of two arms by seed and fold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.comparison.trajectory import Trajectory
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of

FEWEST = 3  # fewest seeds for a useful test: with two, the interval is ± 9 standard deviations

Method = Literal["seeds", "seeds, folds averaged", "folds"]
Key: TypeAlias = tuple[int | None, int | None]  # seed and fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Paired differences of an arm from the baseline.

    Attributes:
        differences: Differences, arm minus baseline.
        method: "seeds" has one difference per seed; "seeds, folds averaged" too, of the means over common folds;
            "folds" has one per seed and fold, which are not independent.
        seeds: Common seeds.
        overlap: Ratio n_validation / n_train for "folds", whose trainings share images; 0 otherwise.
        scale: Largest magnitude of the values behind the differences.
    """

    differences: tuple[float, ...]
    method: Method
    seeds: int
    overlap: float
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's part in a comparison of two.

    Attributes:
        arm: Name of the arm.
        last: Chosen metric in the last epoch, over the paired runs; the difference of both sides' means is
            the mean difference.
        best: Chosen metric in the best epoch, over the same runs.
        base_rate: Mean base rate of the same runs; None if unknown for one of them.
        left_out: Seeds and folds of unpaired runs.
    """

    arm: str
    last: MeanAndSD | None
    best: MeanAndSD | None
    base_rate: float | None
    left_out: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Paired runs of two arms.

    Attributes:
        n: Number of pairs of runs of one seed (and fold).
        of: Number of pairs if every run had a partner.
        arm: One side.
        reference: Side of the reference arm.
    """

    n: int
    of: int
    arm: Side
    reference: Side

    @property
    def is_whole(self) -> bool:
        """Whether every run has a partner."""
        return self.n == self.of


def pair(runs: Sequence[Trajectory], baseline: Sequence[Trajectory], metric: str, *, folds: int) -> Pairs:
    """Pair the runs of two arms by seed and fold, in their last epoch.

    Args:
        runs: Runs of an arm, all with `metric`.
        baseline: Runs of the baseline, all with `metric`.
        metric: Metric by Keras' name.
        folds: Number of folds of the dataset; 0 without validation on folds.
    """
    ours, theirs = (_values(one, lambda run: run.last(metric)) for one in (runs, baseline))
    common = _common(runs, baseline)
    method, units = _units(common)
    return Pairs(
        differences=tuple(_averaged({key: ours[key] - theirs[key] for key in common}, units)),
        method=method,
        seeds=len({seed for seed, _ in common}),
        overlap=1 / (max(2, folds) - 1) if method == "folds" else 0.0,
        scale=max((abs(side[key]) for key in common for side in (ours, theirs)), default=0.0),
    )


def share(runs: Sequence[Trajectory], reference: Sequence[Trajectory], metric: str) -> Shared | None:
    """Summarize both arms over the paired runs; None without pairs."""
    common = _common(runs, reference)
    if not common:
        return None
    keys = {_key(run) for one in (runs, reference) for run in one}
    sides = [_side(one, common, metric) for one in (runs, reference)]
    return Shared(n=len(common), of=len(keys), arm=sides[0], reference=sides[1])


def _side(runs: Sequence[Trajectory], common: Sequence[Key], metric: str) -> Side:
    _, units = _units(common)

    def over(measure: Callable[[Trajectory], float | None]) -> MeanAndSD | None:
        values = _values(runs, measure)
        spread = mean_and_sd_of([values[key] for key in common])
        mean = statistics.fmean(_averaged(values, units))
        return spread and MeanAndSD(mean, spread.sd)

    rates = {_key(run): run.base_rate for run in runs}
    known = [rate for key in common if (rate := rates[key]) is not None]
    return Side(
        arm=runs[0].arm,
        last=over(lambda run: run.last(metric)),
        best=over(lambda run: run.best(metric)),
        base_rate=statistics.fmean(known) if len(known) == len(common) else None,
        left_out=tuple(key for run in runs if (key := _key(run)) not in common),
    )


def _common(runs: Sequence[Trajectory], others: Sequence[Trajectory]) -> list[Key]:
    theirs = {_key(run) for run in others}
    return [key for key in dict.fromkeys(map(_key, runs)) if key in theirs]


def _units(common: Sequence[Key]) -> tuple[Method, list[list[Key]]]:
    """Group runs into units to pair: seeds with all their folds, if there are enough seeds."""
    seeds = list(dict.fromkeys(seed for seed, _ in common))
    has_folds = any(fold is not None for _, fold in common)
    if has_folds and len(seeds) >= FEWEST:
        return "seeds, folds averaged", [[key for key in common if key[0] == seed] for seed in seeds]
    return "folds" if has_folds else "seeds", [[key] for key in common]


def _averaged(values: Mapping[Key, float], units: Sequence[Sequence[Key]]) -> list[float]:
    return [statistics.fmean(values[key] for key in unit) for unit in units]


def _values(runs: Sequence[Trajectory], measure: Callable[[Trajectory], float | None]) -> dict[Key, float]:
    values = {_key(run): measure(run) for run in runs}
    return {key: math.nan if value is None else value for key, value in values.items()}


def _key(run: Trajectory) -> Key:
    return run.seed, run.fold
