"""Runs of an arm beside the baseline's runs of the same seeds and folds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kit.comparison.trajectory import Trajectory

FEWEST = 3  # seeds that can be told apart from chance at all: of two, the interval is 9 standard deviations either way

Method = Literal["seeds", "seeds, folds averaged", "folds"]
Key: TypeAlias = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Differences of an arm from the baseline.

    Attributes:
        differences: arm minus baseline.
        method: "seeds" has one difference a seed; "seeds, folds averaged" too, of the means over the folds that both
            have; "folds" has one for each seed and fold, which are not independent.
        seeds: that both have.
        overlap: n_validation / n_train, by which trainings of "folds" share images; 0 otherwise.
        scale: largest magnitude of the values behind the differences.
    """

    differences: tuple[float, ...]
    method: Method
    seeds: int
    overlap: float
    scale: float


def pair(runs: Sequence[Trajectory], baseline: Sequence[Trajectory], metric: str, *, folds: int) -> Pairs:
    """Pair the runs that both have, by their last epoch.

    Args:
        runs: of an arm, which all recorded `metric`.
        baseline: likewise.
        metric: by Keras' name.
        folds: of the dataset; 0 where nobody validates on folds.
    """
    ours, theirs = (_by_key(one, metric) for one in (runs, baseline))
    common = [key for key in ours if key in theirs]
    differences = {key: ours[key] - theirs[key] for key in common}
    seeds = list(dict.fromkeys(seed for seed, _ in common))
    has_folds = any(fold is not None for _, fold in common)
    method: Method = "seeds"
    values = list(differences.values())
    if has_folds and len(seeds) >= FEWEST:
        method = "seeds, folds averaged"
        values = [statistics.fmean(value for key, value in differences.items() if key[0] == seed) for seed in seeds]
    elif has_folds:
        method = "folds"
    return Pairs(
        differences=tuple(values),
        method=method,
        seeds=len(seeds),
        overlap=1 / (max(2, folds) - 1) if method == "folds" else 0.0,
        scale=max((abs(side[key]) for key in common for side in (ours, theirs)), default=0.0),
    )


def _by_key(runs: Sequence[Trajectory], metric: str) -> dict[Key, float]:
    values = {(run.seed, run.fold): run.last(metric) for run in runs}
    return {key: math.nan if value is None else value for key, value in values.items()}
