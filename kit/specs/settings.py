"""Settings of recipes and their arms, changed by dotted path: model.bn_momentum=0.5, augment=d4."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import msgspec

from kit.arguments import checked_arguments
from kit.errors import SpecError, unknown
from kit.specs.augment import AugmentSpec
from kit.specs.fields import setting_paths
from kit.specs.named_arguments import read_argument, write_argument
from kit.specs.overrides import OWN, Named, apply_overrides, field_text, is_argument, number_type, types_at
from kit.specs.presets import KNOWN, joined, name_within
from kit.specs.recipe import DEFAULT_RECIPE, Recipe, Setting, is_file, parse_recipe, recipe_names, split_arm
from kit.specs.serialization import Settings


def override(spec: Settings, values: Mapping[str, object]) -> Settings:
    """Change fields by dotted path, one after another; texts become the field's type.

    A comma or brackets make a list: "32,64" and "[32, 64]" are the same. An augmentation is changed as a whole by its
    name, as in augment=d4; "recipe" restores the augmentation of `spec`.

    Raises:
        SpecError: The path is unknown (the message gives the nearest known one), or the field refuses the value.
    """
    return apply_overrides(spec, values, _PRESETS)


def value_of(spec: msgspec.Struct, path: str) -> str:
    """Write a field's value, or an augmentation's name, so that `override` reads it; "recipe" for one without a name.

    Raises:
        SpecError: The path is unknown; the message gives the nearest known one.
    """
    return field_text(spec, path, _PRESETS)


def written(spec: msgspec.Struct, paths: Iterable[str]) -> dict[str, str]:
    """Write some fields with `value_of`, which makes 0.50 and .5 the same."""
    return {path: value_of(spec, path) for path in paths}


def settings_called(name: str) -> list[str]:
    """List the settings of models and trainings that end with a name; bn_, for batch norm, may be left out.

    >>> settings_called("patience"), settings_called("momentum")
    (['train.schedule.patience', 'train.early_stopping.patience'], ['model.bn_momentum', 'train.momentum'])
    """
    paths = ["augment", *(path for path in setting_paths(Setting()) if not path.startswith("data."))]
    last = {path: path.rpartition(".")[2] for path in paths}
    return [path for path in paths if name in (last[path], last[path].removeprefix("bn_"))]


def number_kind(spec: msgspec.Struct, path: str) -> type[int | float] | None:
    """Return the type of number that a field takes; None if it takes no number.

    Raises:
        SpecError: The path is unknown; the message gives the nearest known one.
    """
    return number_type(spec, path, _PRESETS)


def written_alone(spec: msgspec.Struct, path: str, value: str) -> str | None:
    """Write an argument that other optimizers, losses or schedules take than these settings name; None for all others.

    Args:
        spec: Settings.
        path: Dotted path, such as train.optimizer_args.sync_period.
        value: Value as text.
    """
    if not is_argument(type(spec), path) or types_at(spec, path, own=True) or not (types := types_at(spec, path)):
        return None
    read = read_argument(value)
    is_number = types == {"number"} and isinstance(read, int | float) and not isinstance(read, bool)
    return write_argument(float(read) if is_number else read)


@checked_arguments
def read_recipe(name: str = DEFAULT_RECIPE) -> Recipe:
    """Read a shipped recipe by name, or any recipe by the path of its .toml file.

    Args:
        name: Name of a shipped recipe, or path of a .toml file.

    Raises:
        SpecError: The name is unknown (the message gives the nearest known one), or a setting, an arm or a value to
            vary is invalid.
    """
    recipe = parse_recipe(name)
    if is_file(name):
        _refuse_invalid_arms(name, recipe)
    return recipe


def _refuse_invalid_arms(name: str, recipe: Recipe) -> None:
    """Refuse an invalid arm or value to vary; the message begins with the file's name."""
    arms = {f"arm {arm.name}": recipe.changes(arm.name) for arm in recipe.arms}
    varied = [(f"vary, {path}", {path: value}) for path, values in recipe.vary.items() for value in values]
    for what, changes in (*arms.items(), *varied):
        try:
            override(recipe.base, changes)
        except SpecError as error:
            raise SpecError(f"{name}: {what}: {error.marked}") from error


def read_setting(name: str, settings: Mapping[str, object] | None = None) -> Setting:
    """Read a recipe, or one of its arms as RECIPE/ARM, and change it by dotted path.

    Raises:
        SpecError: The recipe, the arm or a setting is unknown, or a setting is invalid.
    """
    stem, arm = split_arm(name)
    recipe = read_recipe(stem)
    return override(override(recipe.base, recipe.changes(arm) if arm else {}), settings or {})


@functools.cache
def augmented_settings() -> Mapping[str, Setting]:
    """List the shipped recipes with an augmentation, and the arms with another one, as RECIPE/ARM."""
    found = {}
    for name in recipe_names():
        recipe = parse_recipe(name)
        arms = {f"{name}/{arm.name}": override(recipe.base, recipe.changes(arm.name)) for arm in recipe.arms}
        found[name] = recipe.base
        found |= {arm: setting for arm, setting in arms.items() if setting.augment != recipe.augment}
    return {name: setting for name, setting in found.items() if setting.augment.settings}


class Augmentations:
    """Lookup of augmentations by name: published ones, and those of the recipes."""

    def find(self, name: str) -> AugmentSpec:
        """Find an augmentation by its name.

        Args:
            name: One of `KNOWN`, or several, such as d4+colour, where the later one wins if both change a setting; or
                a recipe, the path of a .toml file, or an arm of either as RECIPE/ARM, for its augmentation.

        Raises:
            SpecError: The name is unknown; the message gives the nearest known one.
        """
        parts = name.split("+")
        if all(part in KNOWN for part in parts):
            return joined(parts)
        if is_file(name) or split_arm(name)[0] in recipe_names():
            return read_setting(name).augment
        part = next(part for part in parts if part not in KNOWN)
        raise SpecError(unknown("augmentation", part, [*KNOWN, *augmented_settings(), OWN]))

    def name_of(self, table: AugmentSpec) -> str | None:
        """Name an augmentation by the fewest of `KNOWN` that make it up, or by a shipped recipe; otherwise None."""
        recipes = (name for name, setting in augmented_settings().items() if setting.augment == table)
        return name_within(table) or next(recipes, None)


_PRESETS: Named = {AugmentSpec: Augmentations()}
