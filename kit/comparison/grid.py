"""Detects grids: arms that are all, or most, combinations of the values of some settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from kit.comparison.trajectory import Trajectory
from kit.specs import Setting, value_of

_FULL = 0.75  # share of a grid's combinations: with fewer, a level's mean depends on the other settings' values

Values: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Settings that vary among arms.

    Attributes:
        names: Shortest unambiguous name of each setting.
        combinations: Values of each arm, in the order of the names.
        levels: All values of each setting.
    """

    names: Values
    combinations: Mapping[str, Values]
    levels: tuple[Values, ...]

    @property
    def cells(self) -> int:
        """Number of combinations in the full grid."""
        return math.prod(map(len, self.levels))


def find_grid(arms: Mapping[str, Sequence[Trajectory]]) -> Grid | None:
    """Find the grid that arms form; None unless they are all, or most, combinations of the varied values."""
    settings = {name: setting for name, runs in arms.items() if (setting := _setting(runs[0])) is not None}
    if len(settings) < len(arms):
        return None
    paths = _varying(list(settings.values()))
    combinations = {name: tuple(value_of(one, path) for path in paths) for name, one in settings.items()}
    levels = tuple(tuple(dict.fromkeys(values)) for values in zip(*combinations.values(), strict=True))
    grid = Grid(tuple(_short(paths)), combinations, levels)
    is_full = len(set(combinations.values())) >= max(len(arms), _FULL * grid.cells)
    return grid if paths and is_full else None


def _setting(run: Trajectory) -> Setting | None:
    spec = run.spec
    return Setting(model=spec.model, augment=spec.augment, train=spec.train) if spec else None


def _varying(settings: Sequence[msgspec.Struct], prefix: str = "") -> list[str]:
    """List the dotted paths of the fields that differ."""
    paths: list[str] = []
    for name in settings[0].__struct_fields__:
        values = [getattr(setting, name) for setting in settings]
        if any(value != values[0] for value in values):
            inner = isinstance(values[0], msgspec.Struct)
            paths += _varying(values, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return paths


def _short(paths: Sequence[str]) -> list[str]:
    """Shorten settings to the last part of their path if that is unambiguous."""
    last = [path.rpartition(".")[2] for path in paths]
    return [name if last.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]
