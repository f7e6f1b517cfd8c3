"""Published figures of recipes for the arms that were run, and whether the arms form a ladder."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from kit.comparison.trajectory import Trajectory
from kit.datasets import Dataset, find_dataset
from kit.errors import KitError, SpecError
from kit.specs import Recipe, RunSpec, Setting, override, read_recipe, setting_paths, value_of
from kit.specs.fields import free_tables
from kit.specs.recipe import split_arm
from kit.training.dataset_defaults import base_with_defaults
from kit.training.recipe_data import differing, value_in

_NO_MATTER = {"train.threads", "train.cache", "train.jit", "train.histograms", "data.seed", "data.classes"}
_PATHS = [path for path in setting_paths(Setting()) if path not in _NO_MATTER]
_TRAINED = [*(path for path in _PATHS if not path.startswith("data.")), *free_tables(Setting)]
_OF_DATASET = (  # settings that a dataset's target and metric decide where they are left open
    "train.loss",
    "train.metrics",
    "train.monitor",
    "train.early_stopping.monitor",
    "train.schedule.monitor",
)
_values = operator.attrgetter(*_TRAINED)

Figures: TypeAlias = Mapping[str, tuple[float, ...]]  # figures of each published training, by name


@dataclass(frozen=True, slots=True)
class _Arm:
    """A published arm with its figures and all its settings."""

    figures: Figures
    setting: Setting


def read_published(
    trajectories: Sequence[Trajectory], root: Path | str | None = None
) -> tuple[dict[str, Figures], list[str], dict[str, str]]:
    """Read the recipes of runs, and find the published figures of each arm.

    A run belongs to the recipe's arm of the same name, or else to the one that agrees with it in every setting that
    varies among the recipe's arms or among the runs; other settings may differ from the published ones, and are
    returned.

    Args:
        trajectories: Runs of all arms.
        root: Workspace of their datasets; KIT_ROOT or the current folder otherwise.

    Returns:
        Figures for each arm with some; errors of recipes that can no longer be read; and settings of the published
        trainings that differ from ours, by dotted path.
    """
    published: dict[str, Figures] = {}
    unreadable: list[str] = []
    others: dict[str, str] = {}
    for recipe in dict.fromkeys(split_arm(run.recipe)[0] for run in trajectories if run.recipe):
        ours = _first_runs(trajectories, recipe)
        try:
            found = _find({arm: spec for arm, (_, spec) in ours.items()}, read_recipe(recipe))
        except SpecError as error:  # a file moved or changed since; our own figures do not need it
            unreadable.append(str(error))
            continue
        for arm, theirs in found.items():
            published[arm] = theirs.figures
            others = {**_differences(theirs.setting, *ours[arm], root), **others}
    return published, unreadable, others


def is_ladder(trajectories: Sequence[Trajectory]) -> bool:
    """Whether all runs belong to one recipe's ladder, whose arms each change the previous one."""
    recipes = {run.recipe for run in trajectories}
    if len(recipes) != 1 or "" in recipes:
        return False
    try:
        recipe = read_recipe(*recipes)
    except SpecError:  # a file moved or changed since
        return False
    named = {arm.name for arm in recipe.arms}
    return recipe.design == "ladder" and all(run.spec is not None and run.spec.arm in named for run in trajectories)


def _first_runs(trajectories: Iterable[Trajectory], recipe: str) -> dict[str, tuple[Trajectory, RunSpec]]:
    """Take one run of each arm made from a recipe."""
    runs: dict[str, tuple[Trajectory, RunSpec]] = {}
    for run in trajectories:
        if run.spec and split_arm(run.recipe)[0] == recipe:
            runs.setdefault(run.arm, (run, run.spec))
    return runs


def _find(ours: Mapping[str, RunSpec], recipe: Recipe) -> dict[str, _Arm]:
    """Map our arms to their published arms."""
    settings = {arm.name: override(recipe.base, recipe.changes(arm.name)) for arm in recipe.arms}
    known = {arm.name: _Arm(arm.figures, settings[arm.name]) for arm in recipe.arms if arm.figures}
    told_apart = _vary([recipe.base, *settings.values()]) | _vary(ours.values()) | set(recipe.vary)
    values = operator.attrgetter(*told_apart) if told_apart else None
    by_setting = {values(arm.setting): arm for arm in reversed(known.values())} if values else {}
    found = {
        arm: known.get(spec.arm) or (by_setting.get(values(spec)) if values else None) for arm, spec in ours.items()
    }
    return {arm: theirs for arm, theirs in found.items() if theirs}


def _vary(specs: Iterable[Setting | RunSpec]) -> set[str]:
    """List the settings that differ between specs, except those of their data."""
    columns = zip(*map(_values, specs), strict=True)
    return {path for path, column in zip(_TRAINED, columns, strict=True) if len(set(column)) > 1}


def _differences(theirs: Setting, run: Trajectory, spec: RunSpec, root: Path | str | None) -> dict[str, str]:
    """List the settings of a published training that differ from ours, by dotted path.

    Settings that a recipe leaves open are those of our dataset, and do not count where it is gone.
    """
    dataset = _dataset_of(run, root)
    known = base_with_defaults(theirs, dataset) if dataset else theirs
    said = {
        path: f"{path}={value_of(known, path)} (ours {value_of(spec, path)})"
        for path in _TRAINED
        if operator.attrgetter(path)(known) != operator.attrgetter(path)(spec)
        and not (path in _OF_DATASET and operator.attrgetter(path)(known) in {"", ()})
    }
    if dataset is None:
        return said
    data = differing([path for path in _PATHS if path not in _TRAINED], theirs.data, dataset)
    ours = dataset.manifest.data
    return {path: f"{path}={value_in(theirs.data, path)} (ours {value_in(ours, path)})" for path in data} | said


def _dataset_of(run: Trajectory, root: Path | str | None) -> Dataset | None:
    """Open a run's dataset; None where it is gone, or was replaced since."""
    name, fingerprint = run.dataset
    try:
        dataset = find_dataset(name, root=root)
    except KitError:
        return None
    return dataset if dataset.manifest.fingerprint == fingerprint else None
