"""Arms of an ablation, built from axes by a design."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from kit.ablation.axis import Axis, normalized, parse_axis
from kit.ablation.design import Design, parse_design, refuse_axes
from kit.ablation.space import Arm, Space
from kit.errors import option, require
from kit.specs import Recipe, Setting, arm_name, override, value_of, written

__all__ = [
    "Arm",
    "Axis",
    "Design",
    "asked",
    "normalized",
    "parse_axis",
    "parse_design",
    "plan_arms",
    "recipe_arms",
    "recipe_axes",
]


def plan_arms(axes: Sequence[Axis], base: Setting, design: Design | str, *, unchanged: str = "base") -> list[Arm]:
    """Build the arms of a design; the first is the baseline.

    Args:
        axes: Settings to vary; none gives the base alone.
        base: Settings for the arms to change.
        design: Any design except "search", whose arms come from `kit.ablation.search.Search`, by results.
        unchanged: Name of an arm that changes nothing.

    Raises:
        SpecError: Unknown setting, refused value, axes unsuited to the design, or two equal arms.
    """
    design = parse_design(design) if isinstance(design, str) else design
    refuse_axes(axes, design)
    require(
        design.kind != "search", f"design {design} has no plan: its arms are proposed by the results of earlier ones"
    )
    if design.kind == "random":
        return list(itertools.islice(Space(axes, base).draw(), design.count))
    settings = _one_at_a_time(axes, base) if design.kind == "one-at-a-time" else _grid(axes)
    paths = [axis.path for axis in axes]
    arms = [Arm(arm_name(dict(pairs), otherwise=unchanged, beside=paths), pairs) for pairs in settings]
    seen: dict[Setting, Arm] = {}
    for arm in arms:
        same = seen.setdefault(override(base, dict(arm.settings)), arm)
        require(same is arm, f"arms '{same.name}' and '{arm.name}' are the same; remove one")
    return arms


def recipe_arms(recipe: Recipe, base: Setting, kept: Mapping[str, object], design: Design | str = "grid") -> list[Arm]:
    """Build the arms that a recipe's authors compared; the first arm is the baseline.

    Args:
        recipe: Recipe with named arms, or with a grid.
        base: Settings of the recipe, with the user's changes.
        kept: Dotted paths set by the user, which the arms must not change.
        design: Design requested by the user; "ladder" takes the named arms even of a recipe with a grid.

    Raises:
        SpecError: Design "ladder" for a recipe without named arms.
    """
    kind = (parse_design(design) if isinstance(design, str) else design).kind
    require(
        kind != "ladder" or bool(recipe.arms),
        f"design ladder runs the recipe's named arms, and it has none; leave {option('design')} out for the"
        " recipe itself, or"
        f" give another {option('recipe')}",
    )
    if kind != "ladder" and (recipe.design == "grid" or not recipe.arms):
        return plan_arms(recipe_axes(recipe, base, kept), base, "grid")
    arms = []
    for arm in recipe.arms:
        changes = {path: value for path, value in recipe.changes(arm.name).items() if path not in kept}
        arms.append(Arm(arm.name, tuple(written(override(base, changes), changes).items())))
    return arms


def recipe_axes(recipe: Recipe, base: Setting, kept: Mapping[str, object]) -> list[Axis]:
    """Return the axes of a recipe with a grid, without those set by the user; none for other recipes."""
    if recipe.design != "grid":
        return []
    axes = [Axis(path, tuple(str(value) for value in values)) for path, values in recipe.vary.items()]
    return [normalized(axis, base) for axis in axes if axis.path not in kept]


def asked(arms: Sequence[Arm], axes: Sequence[Axis], design: Design) -> list[object]:
    """Return what identifies an ablation, for its name: for drawn arms the axes, so that more arms extend it."""
    if design.draws:
        return [design.kind, *([axis.path, *axis.values] for axis in axes)]
    return [[arm.name, dict(arm.settings)] for arm in arms]


def _grid(axes: Sequence[Axis]) -> list[tuple[tuple[str, str], ...]]:
    choices = [[(axis.path, value) for value in axis.values] for axis in axes]
    return list(itertools.product(*choices))


def _one_at_a_time(axes: Sequence[Axis], base: Setting) -> list[tuple[tuple[str, str], ...]]:
    arms: list[tuple[tuple[str, str], ...]] = [tuple((axis.path, value_of(base, axis.path)) for axis in axes)]
    for axis in axes:
        changed = [value for value in axis.values if override(base, {axis.path: value}) != base]
        arms += [((axis.path, value),) for value in changed]
    return arms
