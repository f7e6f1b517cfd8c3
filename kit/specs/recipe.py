"""Recipes: named settings that ship with kit or lie in a TOML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import msgspec

from kit.errors import SpecError, unknown
from kit.specs.run import ModelSpec, TrainSpec
from kit.specs.settings import from_toml

DEFAULT_RECIPE = "histopathologic-cancer"


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model and its training, as somebody published them.

    Attributes:
        description: one line for `kit recipes`.
    """

    description: str
    model: ModelSpec = ModelSpec()
    train: TrainSpec = TrainSpec()


def recipe_names() -> list[str]:
    """Names of the recipes that ship with kit, sorted."""
    return sorted(path.stem for path in _shipped().glob("*.toml"))


def read_recipe(name: str = DEFAULT_RECIPE) -> Recipe:
    """Read a shipped recipe by name, or any recipe by the path of its .toml file.

    Raises:
        SpecError: unknown name, with the nearest known one, or settings that cannot be.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise SpecError(f"recipe file {path} does not exist")
        return from_toml(path, Recipe)
    if name not in recipe_names():
        raise SpecError(f"{unknown('recipe', name, recipe_names())} (or give the path of a .toml file)")
    return from_toml(_shipped() / f"{name}.toml", Recipe)


def _shipped() -> Path:
    with resources.as_file(resources.files("kit.specs") / "recipes") as folder:
        return folder
