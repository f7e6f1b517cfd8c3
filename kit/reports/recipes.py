"""What a recipe holds: its data, its arms with their parameters, and what its authors published."""

from __future__ import annotations

import math
from typing import Any

from kit.models import Parameters, count_parameters
from kit.reports.table import NOTHING, Table
from kit.specs import Recipe, Setting, override, setting_paths, value_of


def list_recipes(recipes: dict[str, Recipe]) -> list[str]:
    """Say what each recipe is, one a line."""
    width = max(map(len, recipes))
    return [f"{name:<{width}}  {recipe.description}" for name, recipe in recipes.items()]


def recipe_tables(name: str, recipe: Recipe) -> list[Table]:
    """Lay out a recipe: what differs from the defaults, its grid, and its arms."""
    settings = tuple((path, value_of(recipe.base, path).strip("[]") or NOTHING) for path in _chosen(recipe))
    tables = [Table(f"{name}: {recipe.description}", ("setting", "value"), settings)]
    if recipe.vary:
        rows = tuple((path, ", ".join(map(str, values))) for path, values in recipe.vary.items())
        tables.append(Table(f"grid of {grid_size(recipe):,} arms", ("setting", "values"), rows))
    how = {"ladder": "each changes the one before", "arms": "each changes the recipe", "grid": "some of the grid"}
    tables.append(Table(f"arms: {how[recipe.design]}", _COLUMNS, tuple(_row(arm) for arm in describe_arms(recipe))))
    return tables


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Say the same for a program."""
    return {
        "description": recipe.description,
        "design": recipe.design,
        "settings": recipe.base,
        "vary": recipe.vary,
        "grid": grid_size(recipe),
        "arms": describe_arms(recipe),
    }


def describe_arms(recipe: Recipe) -> list[dict[str, Any]]:
    """Count each arm's parameters, on images as the recipe stores them."""
    described = []
    for arm in recipe.arms:
        setting = override(recipe.base, recipe.changes(arm.name))
        counts = _count(setting)
        described.append(
            {
                "arm": arm.name,
                "settings": arm.settings,
                "images": setting.data.shape,
                "parameters": counts and counts.total,
                "trainable_parameters": counts and counts.trainable,
                "published": arm.published,
            }
        )
    return described


def grid_size(recipe: Recipe) -> int:
    """Count the arms of a recipe's grid; 0 without one."""
    return math.prod(len(values) for values in recipe.vary.values()) if recipe.vary else 0


_MODEL = ("filters", "kernel", "padding", "activation", "bn_position", "pool", "dropout", "dense")
_TRAIN = ("epochs", "batch_size", "optimizer", "learning_rate", "loss", "metrics", "monitor")
_COLUMNS = ("arm", "changes", "images", "parameters", "trainable", "published")


def _row(arm: dict[str, Any]) -> tuple[str, ...]:
    changes = [f"{path.partition('.')[2]} = {_plain(value)}" for path, value in arm["settings"].items()]
    published = [f"{name} {_share(value)}" for name, value in arm["published"].items()]
    return (
        arm["arm"],
        "\n".join(changes) or NOTHING,
        _size(arm["images"]),
        _number(arm["parameters"]),
        _number(arm["trainable_parameters"]),
        "\n".join(published) or NOTHING,
    )


def _chosen(recipe: Recipe) -> list[str]:
    """Name what the recipe settles otherwise than kit's defaults, and what people ask for first."""
    default, always = (
        Setting(),
        {"data.split", *(f"model.{name}" for name in _MODEL), *(f"train.{name}" for name in _TRAIN)},
    )
    paths = setting_paths(recipe.base)
    return [path for path in paths if path in always or value_of(recipe.base, path) != value_of(default, path)]


def _count(setting: Setting) -> Parameters | None:
    """Count a model's parameters; None where the recipe does not say which images it is for."""
    data = setting.data
    return count_parameters(setting.model, data.shape, len(data.classes)) if data.shape and data.classes else None


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
