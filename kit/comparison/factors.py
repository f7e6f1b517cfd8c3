"""Factorial analysis of a grid: main effects of settings, and their strongest interaction."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from kit.comparison.grid import Values, find_grid
from kit.comparison.pairing import FEWEST
from kit.comparison.repeated_measures import Floats, RepeatedMeasures, analyse_repeated
from kit.comparison.trajectory import Trajectory
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of
from kit.significance import holm

Indices: TypeAlias = tuple[int, ...]  # of one setting or two among all
Row: TypeAlias = tuple[Values, tuple[int, int | None], float]  # a run: its settings, seed and fold, mean_and_sd_of


@dataclass(frozen=True, slots=True)
class Level:
    """Runs with common values of the effect's settings.

    Attributes:
        values: One value for each of the effect's settings.
        n: Number of runs.
        figure: Mean and standard deviation of the metric's last epoch.
    """

    values: Values
    n: int
    figure: MeanAndSD


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Main effect of one setting, or interaction of two.

    Attributes:
        settings: Names of the one or two settings, as short as is unambiguous.
        levels: Means over the runs with a value, or with a pair of values.
        size: Largest minus smallest of the levels' means.
        tested: Test within seeds; None with fewer than three complete seeds, or if seeds do not differ.
        p_holm: P value corrected for all effects of the grid, shown or not (Holm 1979).
    """

    settings: tuple[str, ...]
    levels: tuple[Level, ...]
    size: float
    tested: RepeatedMeasures | None = None
    p_holm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """A grid's effects.

    If effects are tested, all figures are of complete seeds: those with a finite figure for every combination, on the
    same folds. Otherwise means are over all runs.

    Attributes:
        main: Effects of single settings.
        interaction: Effect of two settings with the largest partial eta squared; None without tests.
        combinations: Number of combinations in the full grid.
        missing: Number of combinations without an arm.
        seeds: Number of complete seeds.
        incomplete: Incomplete seeds, each with the first combination without a figure.
    """

    main: tuple[Effect, ...]
    interaction: Effect | None
    combinations: int
    missing: int
    seeds: int
    incomplete: Mapping[int, Values] = field(default_factory=dict)

    @property
    def is_tested(self) -> bool:
        """Whether there are enough complete seeds to test effects."""
        return self.seeds >= FEWEST


def find_factors(arms: Mapping[str, Sequence[Trajectory]], metric: str) -> Factors | None:
    """Analyse the effects of the varied settings on the metric in the last epoch.

    Runs that diverged, or did not record the metric, are left out. Trainings on several folds share images, so each
    seed's folds are averaged before anything is tested.

    Returns:
        Effects; None unless the arms form a grid, or most of one.
    """
    grid = find_grid(arms)
    if grid is None:
        return None
    rows = [
        (grid.combinations[name], (run.seed, run.fold), value)
        for name, runs in arms.items()
        for run in runs
        if run.seed is not None and (value := run.last(metric)) is not None and math.isfinite(value)
    ]
    if not rows:
        return None
    seeds = dict.fromkeys(run.seed for runs in arms.values() for run in runs if run.seed is not None)
    blocks, incomplete = _blocks(rows, list(seeds), grid.levels)
    if len(blocks) >= FEWEST:
        rows = [row for row in rows if row[1][0] in blocks]
    effects = _effects(grid.names, rows, _tested(blocks, [len(one) for one in grid.levels]))
    pairs = [(effect.tested.share, effect) for effect in effects if len(effect.settings) > 1 and effect.tested]
    return Factors(
        main=tuple(effect for effect in effects if len(effect.settings) == 1),
        interaction=max(pairs, key=lambda pair: pair[0])[1] if pairs else None,
        combinations=grid.cells,
        missing=grid.cells - len(arms),
        seeds=len(blocks),
        incomplete=incomplete,
    )


def _blocks(
    rows: Sequence[Row], seeds: Sequence[int], levels: Sequence[Values]
) -> tuple[dict[int, list[float]], dict[int, Values]]:
    """Collect each complete seed's figures in the grid's order, folds averaged, and the incomplete seeds."""
    cells = list(itertools.product(*levels))
    figures: dict[int, dict[Values, dict[int | None, float]]] = {seed: {} for seed in seeds}
    for settings, (seed, fold), value in rows:
        figures[seed].setdefault(settings, {})[fold] = value
    complete: dict[int, list[float]] = {}
    incomplete: dict[int, Values] = {}
    for seed, found in figures.items():
        folds = {fold for one in found.values() for fold in one}
        lacking = next((cell for cell in cells if cell not in found or found[cell].keys() != folds), None)
        if lacking is None:
            complete[seed] = [statistics.fmean(found[cell].values()) for cell in cells]
        else:
            incomplete[seed] = lacking
    return complete, incomplete


def _tested(blocks: Mapping[int, list[float]], levels: Sequence[int]) -> dict[Indices, RepeatedMeasures | None]:
    """Test each setting, then each pair of settings, given enough complete seeds."""
    effects: list[Indices] = [(indices,) for indices in range(len(levels))]
    effects += list(itertools.combinations(range(len(levels)), 2))
    if len(blocks) < FEWEST:
        return dict.fromkeys(effects)
    values: Floats = np.reshape([*blocks.values()], (len(blocks), *levels))
    return {indices: analyse_repeated(values, indices) for indices in effects}


def _effects(
    names: Sequence[str], rows: Sequence[Row], tested: Mapping[Indices, RepeatedMeasures | None]
) -> list[Effect]:
    corrected = holm({indices: one.p for indices, one in tested.items() if one}, len(tested))
    effects = []
    for indices, one in tested.items():
        levels = _levels(rows, indices)
        means = [level.figure.mean for level in levels]
        effects.append(
            Effect(
                settings=tuple(names[setting] for setting in indices),
                levels=levels,
                size=max(means) - min(means),
                tested=one,
                p_holm=corrected.get(indices),
            )
        )
    return effects


def _levels(rows: Sequence[Row], indices: Indices) -> tuple[Level, ...]:
    values: dict[Values, list[float]] = {}
    for settings, _, value in rows:
        values.setdefault(tuple(settings[one] for one in indices), []).append(value)
    return tuple(
        Level(level, len(found), spread) for level, found in values.items() if (spread := mean_and_sd_of(found))
    )
