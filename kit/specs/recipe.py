"""Recipes: named settings that ship with kit or are read from a TOML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from kit.errors import SpecError, require, unknown
from kit.names import checked_name
from kit.specs.augment import AugmentSpec
from kit.specs.data import DataSpec
from kit.specs.model import ModelSpec
from kit.specs.serialization import from_toml
from kit.specs.train import TrainSpec

DEFAULT_RECIPE = "histopathologic-cancer"

_FILE = ".toml"


class Setting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a training except its images and its seed.

    Attributes:
        data: Settings of a dataset that is made for the training; an existing dataset has its own.
    """

    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    augment: AugmentSpec = AugmentSpec()
    train: TrainSpec = TrainSpec()


class RecipeArm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of a recipe's named arms.

    Attributes:
        name: Name of the arm, and of its folder.
        settings: Changes by dotted path, to the recipe, or in a ladder to the previous arm.
        published: Published figures by name, such as test_accuracy, as shares of 1; a list for several trainings of
            the same setting.
    """

    name: str
    settings: dict[str, Any] = {}
    published: dict[str, float | tuple[float, ...]] = {}

    @property
    def figures(self) -> dict[str, tuple[float, ...]]:
        """Published figures by name, one for each training."""
        return {name: value if isinstance(value, tuple) else (value,) for name, value in self.published.items()}

    def __post_init__(self) -> None:
        """Refuse a name that is no folder name."""
        checked_name(self.name, "arm")


class Recipe(Setting, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published setting and its variations.

    Attributes:
        description: One-line description for `kit recipes`.
        design: Design of the ablation of `kit ablate`: "arms" each change the recipe, "ladder" arms each change the
            previous one, "grid" is every combination of `vary`.
        arms: Arms in order; `kit train --recipe NAME/ARM` trains one.
        vary: Values by dotted path.
        commands: Commands that reproduce the published figures, in order.
    """

    description: str
    design: Literal["arms", "ladder", "grid"] = "arms"
    arms: tuple[RecipeArm, ...] = ()
    vary: dict[str, tuple[Any, ...]] = {}
    commands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse two arms of one name, and a grid without values or with data settings."""
        names = [arm.name for arm in self.arms]
        require(len(set(names)) == len(names), f"arms must have different names, got {', '.join(names)}")
        require(self.design != "grid" or bool(self.vary), "design grid needs vary with values")
        data = [path for path in self.vary if path.startswith("data.")]
        require(not data, f"vary holds {', '.join(data)}, but a grid has one dataset; use [[arms]] for such settings")

    @property
    def base(self) -> Setting:
        """Setting without arms, which the arms change."""
        return Setting(data=self.data, model=self.model, augment=self.augment, train=self.train)

    def changes(self, name: str) -> dict[str, Any]:
        """Return the changes of arm `name` to the recipe, by dotted path.

        Raises:
            SpecError: There is no such arm.
        """
        changes: dict[str, Any] = {}
        for arm in self.arms:
            changes = {**(changes if self.design == "ladder" else {}), **arm.settings}
            if arm.name == name:
                return changes
        raise SpecError(unknown("arm", name, [arm.name for arm in self.arms]))


def recipe_names() -> list[str]:
    """List the names of the recipes that ship with kit, sorted."""
    return sorted(path.stem for path in _shipped().glob(f"*{_FILE}"))


def parse_recipe(name: str) -> Recipe:
    """Read a shipped recipe by name, or any recipe by the path of its .toml file.

    Raises:
        SpecError: The name is unknown (the message gives the nearest known one), or a setting is invalid.
    """
    if name.endswith(_FILE):
        path = Path(name)
        if not path.is_file():
            raise SpecError(f"recipe file {path} does not exist")
        return from_toml(path, Recipe)
    if name not in recipe_names():
        raise SpecError(f"{unknown('recipe', name, recipe_names())} (or give the path of a .toml file)")
    return from_toml(_shipped() / f"{name}{_FILE}", Recipe)


def split_arm(name: str) -> tuple[str, str]:
    """Split RECIPE/ARM; the arm is empty if there is none.

    >>> split_arm("chest-xray-ladder/reg_cnn"), split_arm("own/recipe.toml")
    (('chest-xray-ladder', 'reg_cnn'), ('own/recipe.toml', ''))
    """
    if is_file(name):
        file, _, arm = name.partition(f"{_FILE}/")
        return (f"{file}{_FILE}", arm) if arm else (name, "")
    recipe, _, arm = name.partition("/")
    return recipe, arm


def is_file(name: str) -> bool:
    """Return whether a name is the path of a recipe's file, or an arm in one, not a shipped recipe."""
    return _FILE in name


def recipe_name(name: str) -> str:
    """Return the name of a recipe's dataset and ablation: the file's stem, or the shipped name."""
    return Path(split_arm(name)[0]).stem


def dataset_name(name: str) -> str:
    """Return the name of the dataset of a recipe, or of an arm with its own data settings.

    >>> dataset_name("chest-xray-ladder/base_cnn"), dataset_name("chest-xray-ladder/final_model")
    ('chest-xray-ladder', 'chest-xray-ladder-final_model')
    """
    stem, arm = split_arm(name)
    has_data = arm and any(path.startswith("data.") for path in parse_recipe(stem).changes(arm))
    return f"{recipe_name(name)}-{arm}" if has_data else recipe_name(name)


def _shipped() -> Path:
    with resources.as_file(resources.files("kit.specs") / "recipes") as folder:
        return folder
