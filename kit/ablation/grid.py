"""Axes become arms."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kit.errors import SpecError
from kit.specs import Recipe, Setting, arm_name, override, value_of, written

Design = Literal["grid", "one-at-a-time"]

_VALUE = re.compile(r"\[[^\]]*\]|[^,\[\]]+")  # 0.5 or [32, 64]


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting and the values it takes.

    Attributes:
        path: dotted, such as model.bn_momentum.
        values: as text.
    """

    path: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an axis without values, or with the same one twice."""
        if not self.values:
            raise SpecError(f"{self.path} needs values, as in {self.path}=a,b")
        if len(set(self.values)) < len(self.values):
            raise SpecError(f"{self.path} names a value twice: {', '.join(self.values)}")


@dataclass(frozen=True, slots=True)
class Arm:
    """One setting of an ablation.

    Attributes:
        name: what it changes, as "bn_position=before,bn_momentum=0.5".
        settings: pairs of dotted path and value.
    """

    name: str
    settings: tuple[tuple[str, str], ...]


def parse_axis(path: str, values: str) -> Axis:
    """Read "0.99,0.75" as two values and "[32,64],[16,32]" as two lists."""
    return Axis(path, tuple(value.strip() for value in _VALUE.findall(values) if value.strip()))


def settled(axis: Axis, base: Setting) -> Axis:
    """Write an axis' values as the recipe would: 0.50 and .5 are the same.

    Raises:
        SpecError: unknown setting, a value that it refuses, or one that is there twice.
    """
    return Axis(axis.path, tuple(value_of(override(base, {axis.path: value}), axis.path) for value in axis.values))


def plan_arms(axes: Sequence[Axis], base: Setting, design: Design, *, unchanged: str = "base") -> list[Arm]:
    """Lay out the arms of a design; the first is the baseline.

    Args:
        axes: to vary; none gives the base alone.
        base: what the arms change.
        design: "grid" is every combination; "one-at-a-time" is the base, then every value that differs from it.
        unchanged: name of an arm that changes nothing.

    Raises:
        SpecError: unknown setting, refused value, or two arms that are the same.
    """
    paths = [axis.path for axis in axes]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        raise SpecError(f"{', '.join(twice)} is varied twice; join the values with commas")
    settings = _grid(axes) if design == "grid" else _one_at_a_time(axes, base)
    arms = [Arm(arm_name(dict(pairs), otherwise=unchanged), pairs) for pairs in settings]
    seen: dict[Setting, str] = {}
    for arm in arms:
        spec = override(base, dict(arm.settings))
        if (other := seen.setdefault(spec, arm.name)) != arm.name:
            raise SpecError(f"arms '{other}' and '{arm.name}' are the same; remove one")
    return arms


def recipe_arms(recipe: Recipe, base: Setting, kept: Mapping[str, object]) -> list[Arm]:
    """Lay out a recipe's own arms, as they were published; the first is the baseline.

    Args:
        recipe: whose arms.
        base: the recipe's, changed by the user.
        kept: dotted paths that the user has settled, whatever the arms say.
    """
    if recipe.design == "grid":
        axes = [Axis(path, tuple(str(value) for value in values)) for path, values in recipe.vary.items()]
        return plan_arms([settled(axis, base) for axis in axes if axis.path not in kept], base, "grid")
    if not recipe.arms:
        return plan_arms([], base, "grid")
    arms = []
    for arm in recipe.arms:
        changes = {path: value for path, value in recipe.changes(arm.name).items() if path not in kept}
        arms.append(Arm(arm.name, tuple(written(override(base, changes), changes).items())))
    return arms


def _grid(axes: Sequence[Axis]) -> list[tuple[tuple[str, str], ...]]:
    choices = [[(axis.path, value) for value in axis.values] for axis in axes]
    return list(itertools.product(*choices))


def _one_at_a_time(axes: Sequence[Axis], base: Setting) -> list[tuple[tuple[str, str], ...]]:
    arms: list[tuple[tuple[str, str], ...]] = [tuple((axis.path, value_of(base, axis.path)) for axis in axes)]
    for axis in axes:
        changed = [value for value in axis.values if override(base, {axis.path: value}) != base]
        arms += [((axis.path, value),) for value in changed]
    return arms
