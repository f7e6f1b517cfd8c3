"""Descriptions of recipes: data, arms with their parameters, and published figures."""

from __future__ import annotations

import math
from typing import Any

from kit.models import Parameters, count_parameters
from kit.reports.table import NOTHING, Table
from kit.specs import AugmentSpec, Recipe, Setting, override, setting_paths, value_of
from kit.specs.recipe import split_arm
from kit.targets.classes import Classes


def list_recipes(recipes: dict[str, Recipe]) -> list[str]:
    """Describe each recipe in one line."""
    width = max(map(len, recipes))
    return [f"{name:<{width}}  {recipe.description}" for name, recipe in recipes.items()]


def recipe_tables(name: str, recipe: Recipe) -> list[Table]:
    """Tabulate a recipe, or one of its arms as RECIPE/ARM: all settings; for a recipe also its grid and arms."""
    stem, arm = split_arm(name)
    if arm:
        setting = override(recipe.base, recipe.changes(arm))
        described = [one for one in describe_arms(recipe) if one["arm"] == arm]
        return [_settings(f"{name}: an arm of {stem}", setting), Table("", _COLUMNS, tuple(map(_row, described)))]
    tables = [_settings(f"{name}: {recipe.description}", recipe.base)]
    if recipe.vary:
        rows = tuple((path, ", ".join(map(str, values))) for path, values in recipe.vary.items())
        tables.append(Table(f"grid of {grid_size(recipe):,} arms", ("setting", "values"), rows))
    how = {"ladder": "each changes the one before", "arms": "each changes the recipe", "grid": "some of the grid"}
    tables.append(Table(f"arms: {how[recipe.design]}", _COLUMNS, tuple(map(_row, describe_arms(recipe)))))
    return tables


def recipe_commands(recipe: Recipe) -> list[str]:
    """List the commands that reproduce the published figures; empty if the recipe names none."""
    commands = [f"  {command}" for command in recipe.commands]
    return ["to train and measure it as published:", *commands] if commands else []


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Describe a recipe for programs, as with --json."""
    return {
        "description": recipe.description,
        "design": recipe.design,
        "settings": recipe.base,
        "vary": recipe.vary,
        "grid": grid_size(recipe),
        "arms": describe_arms(recipe),
        "commands": recipe.commands,
    }


def describe_arms(recipe: Recipe) -> list[dict[str, Any]]:
    """Return the full settings of each arm, with its parameters for the recipe's images."""
    described = []
    for arm in recipe.arms:
        setting = override(recipe.base, recipe.changes(arm.name))
        counts = _count(setting)
        described.append(
            {
                "arm": arm.name,
                "settings": arm.settings,
                "whole": setting,
                "images": setting.data.shape,
                "parameters": counts and counts.total,
                "trainable_parameters": counts and counts.trainable,
                "published": arm.figures,
            }
        )
    return described


def grid_size(recipe: Recipe) -> int:
    """Count the arms of a recipe's grid; 0 without one."""
    return math.prod(len(values) for values in recipe.vary.values()) if recipe.vary else 0


_COLUMNS = ("arm", "changes", "images", "parameters", "trainable", "published")
_CONVOLUTIONS = ("filters", "conv_layers", "convolutions", "stride", "padding", "initializer")
_BLOCKS = (*_CONVOLUTIONS, "pool", "pool_stride", "pool_padding", "dropout", "dropout_position")
_NORM = ("bn_momentum", "bn_epsilon", "bn_synchronized")
_PLATEAU = ("monitor", "patience", "factor", "min_delta")
_STOPPING = ("monitor", "min_delta", "start_epoch")
_MACHINE = ("threads", "cache", "jit", "histograms")  # figures do not depend on them


def _settings(title: str, setting: Setting) -> Table:
    """Tabulate all settings of a training, with kit's defaults, except those without effect."""
    idle = _idle(setting)
    paths = [path for path in setting_paths(setting) if path not in idle]
    rows = [(path, value_of(setting, path).strip("[]")) for path in paths]
    rows += [] if setting.augment.settings else [("augment", "none")]
    return Table(title, ("setting", "value"), tuple((path, _said(path, value)) for path, value in rows))


def _said(path: str, value: str) -> str:
    return _LEFT_OPEN.get(path, NOTHING) if value in {"", "null"} else value


_LEFT_OPEN = {
    "model.head": "the target's",
    "train.loss": "the head's",
    **dict.fromkeys(("train.metrics", "train.monitor"), "the dataset's"),
    **dict.fromkeys(("train.schedule.monitor", "train.early_stopping.monitor"), "the dataset's"),
}


def _idle(setting: Setting) -> set[str]:
    """List the settings without effect, given the others."""
    model, train = setting.model, setting.train
    has_norm = model.bn_position != "none" or model.backbone.bn
    unused = {
        "model.backbone": () if model.backbone.name else model.backbone.__struct_fields__,
        "model": (
            *(() if has_norm else _NORM),
            *(_BLOCKS if model.backbone.name else ()),
            *(["dense_bn"] if model.bn_position == "none" else []),
            "dense_layers" if model.dense_layers is None else "dense",
        ),
        "augment": _idle_augmentation(setting.augment),
        "train": (
            *(name for name in ("momentum", "weight_decay") if not train.optimizer_uses(name)),
            *(["focal_gamma"] if train.loss != "focal" else []),
            *(name for name in _MACHINE if getattr(train, name) == getattr(Setting().train, name)),
        ),
        "train.schedule": (
            *(["smallest"] if train.schedule.kind not in {"cosine", "plateau"} else []),
            *(["warmup_epochs"] if train.schedule.kind != "cosine" else []),
            *(_PLATEAU if train.schedule.kind != "plateau" else ()),
        ),
        "train.early_stopping": () if train.early_stopping.patience else _STOPPING,
    }
    return {f"{table}.{name}" for table, names in unused.items() for name in names}


def _idle_augmentation(augment: AugmentSpec) -> set[str]:
    used = set(augment.settings)
    used |= {"fill"} if augment.moves else set()
    used |= {"erasing_area"} if augment.erasing else set()
    used |= {"fill_value"} if augment.erasing or augment.fill == "constant" else set()
    return set(augment.__struct_fields__) - used


def _row(arm: dict[str, Any]) -> tuple[str, ...]:
    changes = [f"{path.partition('.')[2]} = {_plain(value)}" for path, value in arm["settings"].items()]
    published = [f"{name} {', '.join(map(_share, values))}" for name, values in arm["published"].items()]
    return (
        arm["arm"],
        "\n".join(changes) or NOTHING,
        _size(arm["images"]),
        _number(arm["parameters"]),
        _number(arm["trainable_parameters"]),
        "\n".join(published) or NOTHING,
    )


def _count(setting: Setting) -> Parameters | None:
    """Count a model's parameters; None if the recipe does not specify its images."""
    data = setting.data
    return (
        count_parameters(setting.model, data.shape, Classes(names=data.classes).head())
        if data.shape and data.classes
        else None
    )


def _size(shape: tuple[int, int, int] | None) -> str:
    return "x".join(map(str, shape)) if shape else NOTHING


def _number(count: int | None) -> str:
    return NOTHING if count is None else f"{count:,}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _share(value: float) -> str:
    return f"{value:.4f}".rstrip("0")
