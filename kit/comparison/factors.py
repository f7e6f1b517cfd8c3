"""What each setting of a grid does on its own, and which two of them hang together."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from kit.comparison.pairing import FEWEST
from kit.comparison.statistics import holm
from kit.comparison.trajectory import Trajectory
from kit.runs.figure import Figure, figure
from kit.specs import Setting, value_of

if TYPE_CHECKING:
    import pandas as pd

_FULL = 0.75  # of a grid's combinations: with fewer, a level's mean is that of the other settings it happened to meet
_NOISE = 1e-12  # relative, of squares: Keras reports float32, of which seven digits hold

Values: TypeAlias = tuple[str, ...]
Place: TypeAlias = tuple[int, ...]  # of one setting or two among all
Row: TypeAlias = tuple[Values, tuple[int | None, int | None], float]  # a run: its settings, seed and fold, figure


@dataclass(frozen=True, slots=True)
class Level:
    """The runs that have some values in common.

    Attributes:
        values: of the effect's settings.
        n: runs.
        figure: of the metric's last epoch.
    """

    values: Values
    n: int
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one setting does, or two together beyond what each does alone.

    F, p and share are None where nothing is left to measure chance by, or nothing varies.

    Attributes:
        settings: one or two, by their shortest clear names.
        levels: means over all runs with a value, or with a pair of values.
        size: largest minus smallest of the levels' means.
        f: of an analysis of variance of type II, the seed being a block.
        p: of that F.
        p_holm: the same, corrected for all effects tested (Holm 1979).
        share: partial eta squared: of the variance that no other effect accounts for.
    """

    settings: tuple[str, ...]
    levels: tuple[Level, ...]
    size: float
    f: float | None = None
    p: float | None = None
    p_holm: float | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """A grid's effects.

    Attributes:
        main: of each setting.
        interaction: the one with the largest share; None without two settings, or without runs enough to tell.
        combinations: of the full grid.
        missing: of them.
    """

    main: tuple[Effect, ...]
    interaction: Effect | None
    combinations: int
    missing: int


def find_factors(arms: Mapping[str, Sequence[Trajectory]], metric: str) -> Factors | None:
    """Find the settings that vary among arms, and what they do to the metric's last epoch.

    Runs that diverged, or did not record the metric, are left out. Trainings on several folds share images, so each
    seed's folds are averaged before anything is tested, and nothing is with fewer than three seeds.

    Returns:
        None unless the arms form a grid, or most of one.
    """
    settings = {name: _setting(runs[0]) for name, runs in arms.items()}
    known = [setting for setting in settings.values() if setting is not None]
    if len(known) < len(settings):
        return None
    paths = _varying(known)
    combinations = {name: tuple(value_of(one, path) for path in paths) for name, one in settings.items() if one}
    levels = [list(dict.fromkeys(values)) for values in zip(*combinations.values(), strict=True)]
    cells = math.prod(map(len, levels))
    if not paths or len(set(combinations.values())) < max(len(arms), _FULL * cells):
        return None
    rows = [
        (combinations[name], (run.seed, run.fold), value)
        for name, runs in arms.items()
        for run in runs
        if (value := run.last(metric)) is not None and math.isfinite(value)
    ]
    if not rows:
        return None
    effects = _effects(_short(paths), rows)
    pairs = [effect for effect in effects if len(effect.settings) > 1 and effect.share is not None]
    return Factors(
        main=tuple(effect for effect in effects if len(effect.settings) == 1),
        interaction=max(pairs, key=lambda effect: effect.share or 0, default=None),
        combinations=cells,
        missing=cells - len(arms),
    )


def _setting(run: Trajectory) -> Setting | None:
    spec = run.spec
    return Setting(model=spec.model, augment=spec.augment, train=spec.train) if spec else None


def _varying(settings: Sequence[msgspec.Struct], prefix: str = "") -> list[str]:
    """List the dotted paths of the fields that are not equal in all."""
    paths: list[str] = []
    for name in settings[0].__struct_fields__:
        values = [getattr(setting, name) for setting in settings]
        if any(value != values[0] for value in values):
            inner = isinstance(values[0], msgspec.Struct)
            paths += _varying(values, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return paths


def _short(paths: Sequence[str]) -> list[str]:
    """Name settings by their last step where that is clear."""
    last = [path.rpartition(".")[2] for path in paths]
    return [name if last.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]


def _effects(names: Sequence[str], rows: Sequence[Row]) -> list[Effect]:
    """Measure each setting, then each two of them."""
    places: list[Place] = [(place,) for place in range(len(names))]
    places += list(itertools.combinations(range(len(names)), 2))
    tested = _analyse(_independent(rows), places)
    corrected = holm({place: p for place, (_, p, _) in tested.items()})
    effects = []
    for place in places:
        levels = _levels(rows, place)
        means = [level.figure.mean for level in levels]
        found = Effect(settings=tuple(names[one] for one in place), levels=levels, size=max(means) - min(means))
        if place in tested:
            f, p, share = tested[place]
            found = replace(found, f=f, p=p, p_holm=corrected[place], share=share)
        effects.append(found)
    return effects


def _independent(rows: Sequence[Row]) -> list[Row]:
    """Average each seed's folds; none of fewer than FEWEST seeds then. Runs without folds stay as they are."""
    if all(fold is None for _, (_, fold), _ in rows):
        return list(rows)
    values: dict[tuple[Values, int | None], list[float]] = {}
    for settings, (seed, _), value in rows:
        values.setdefault((settings, seed), []).append(value)
    seeds = {seed for _, seed in values}
    is_even = len({len(folds) for folds in values.values()}) == 1
    if len(seeds) < FEWEST or not is_even:
        return []
    return [(settings, (seed, None), statistics.fmean(folds)) for (settings, seed), folds in values.items()]


def _levels(rows: Sequence[Row], place: Place) -> tuple[Level, ...]:
    values: dict[Values, list[float]] = {}
    for settings, _, value in rows:
        values.setdefault(tuple(settings[one] for one in place), []).append(value)
    return tuple(Level(level, len(found), spread) for level, found in values.items() if (spread := figure(found)))


def _analyse(rows: Sequence[Row], places: Sequence[Place]) -> dict[Place, tuple[float, float, float]]:
    """Analyse the variance (type II): F, p and partial eta squared of what can be told from chance.

    Interactions are left out where combinations are missing, or nothing would be left to measure chance by.
    """
    import pandas as pd

    if not rows:
        return {}
    table = pd.DataFrame([(*settings, str(block), value) for settings, block, value in rows])
    table.columns = [*(f"setting{place}" for place in range(table.shape[1] - 2)), "block", "figure"]
    blocks = ["C(block)"] if len({block for _, block, _ in rows}) > 1 else []
    singles = [place for place in places if len(place) == 1]
    for some in (places, singles):
        terms = {place: ":".join(f"C(setting{one})" for one in place) for place in some}
        found = _fit(table, [*blocks, *terms.values()])
        if found is not None:
            return {place: found[term] for place, term in terms.items()}
    return {}


def _fit(table: pd.DataFrame, terms: Sequence[str]) -> dict[str, tuple[float, float, float]] | None:
    """Fit by least squares; None where the terms take all there is, or cannot be told apart."""
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    model = ols(f"figure ~ {' + '.join(terms)}", table)
    runs, columns = model.exog.shape
    if runs <= columns or np.linalg.matrix_rank(model.exog) < columns:
        return None
    fitted = model.fit()
    if fitted.centered_tss <= _NOISE * fitted.uncentered_tss or fitted.ssr <= _NOISE * fitted.centered_tss:
        return None
    found = anova_lm(fitted, typ=2)
    squares = found["sum_sq"]
    return {
        term: (
            float(found["F"][term]),
            float(found["PR(>F)"][term]),
            float(squares[term] / (squares[term] + squares["Residual"])),
        )
        for term in terms
    }
