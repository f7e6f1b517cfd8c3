"""Comparison of a recipe's data settings with those of an existing dataset."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping

from kit.datasets import Dataset
from kit.errors import SpecError, option, require
from kit.specs import DataSpec, Setting, SourceSpec, parse_size, read_recipe, read_setting, value_of
from kit.specs.recipe import dataset_name, split_arm

_DATA = "data."


def setting_for(dataset: Dataset, recipe: str, settings: Mapping[str, object]) -> Setting:
    """Read a recipe, or one of its arms, for a dataset.

    A recipe's own data settings describe its dataset, but it can be trained on any other. Those of an arm, and those
    given by the user, are part of the experiment: the dataset must have been made with them.

    Args:
        dataset: Dataset to train on.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: Changes by dotted path.

    Raises:
        SpecError: A name is unknown, or the dataset was made with other data settings.
    """
    setting = read_setting(recipe, settings)
    refuse_data(differing(settings, setting.data, dataset), dataset)
    stem, arm = split_arm(recipe)
    if arm:
        refuse_other_data(recipe, set(read_recipe(stem).changes(arm)) - set(settings), setting.data, dataset)
    return setting


def refuse_data(paths: Iterable[str], dataset: Dataset) -> None:
    """Refuse changes of data settings, given as dotted paths, for an existing dataset.

    Raises:
        SpecError: A path is one of data settings.
    """
    named = ", ".join(path for path in paths if path.startswith(_DATA))
    require(
        not named,
        f"{named}: the data are settled when they are sharded; shard the source of {dataset.manifest.name} again, under"
        f" another {option('name')}",
    )


def refuse_other_data(arm: str, paths: Iterable[str], wanted: DataSpec, dataset: Dataset) -> None:
    """Refuse an arm whose data settings differ from those of a dataset, unless the dataset was made for that arm.

    Args:
        arm: Arm as RECIPE/ARM.
        paths: Dotted paths of the data settings of the arm.
        wanted: Data settings of the arm.
        dataset: Dataset to train on.

    Raises:
        SpecError: The data settings differ; the message gives the commands that make the arm's dataset and train on it.
    """
    paths = differing(paths, wanted, dataset)
    if paths and dataset.manifest.recipe != arm:  # a dataset made with the arm's recipe may be smaller
        name, wants = dataset_name(arm), _described(paths, wanted)
        has = _described(paths, dataset.manifest.data)
        raise SpecError(
            f"{arm} needs a dataset of its own, with {wants}; {dataset.manifest.name} has {has}:"
            f" kit shard {_source(dataset.manifest.source.spec, wanted)} --recipe {arm}, then"
            f" kit train {name} --recipe {arm}, or kit ablate for several seeds"
        )


def differing(paths: Iterable[str], wanted: DataSpec, dataset: Dataset) -> list[str]:
    """List those of some data settings, by dotted path, in which a dataset differs."""
    has = dataset.manifest.data
    return [
        path for path in sorted(paths) if path.startswith(_DATA) and not _same(path.removeprefix(_DATA), wanted, has)
    ]


def value_in(data: DataSpec, path: str) -> str:
    """Write a data setting, given by dotted path.

    >>> value_in(DataSpec(size="32"), "data.size"), value_in(DataSpec(), "data.balance")
    ('32', 'none')
    """
    return value_of(data, path.removeprefix(_DATA)).strip("[]") or "none"


def _described(paths: Iterable[str], data: DataSpec) -> str:
    return ", ".join(f"{path.removeprefix(_DATA)}={value_in(data, path)}" for path in paths)


def _same(name: str, one: DataSpec, other: DataSpec) -> bool:
    first, second = getattr(one, name), getattr(other, name)
    if name == "size":
        return bool(first) == bool(second) and (not first or parse_size(first) == parse_size(second))
    if name == "split":  # 0.3 in TOML, or 30 on the command line
        return len(first) == len(second) and all(map(math.isclose, first, second))
    return bool(first == second)


def _source(asked: SourceSpec, wanted: DataSpec) -> str:
    """Write a dataset's source as arguments of kit shard, without the recipe's own settings."""
    options = {
        "labels": asked.labels,
        "id-column": asked.id_column,
        "label-column": asked.label_column,
        "class-from": None if asked.class_from == wanted.class_from else asked.class_from,
        "ignore-splits": None if asked.ignore_splits == wanted.ignore_splits else ",".join(asked.ignore_splits),
        "group": None if asked.group == wanted.group else asked.group,
        "exclude": asked.exclude,
        "test": asked.test,
        "sample-submission": asked.sample_submission,
    }
    given = [f"--{name} {shlex.quote(value)}" for name, value in options.items() if value]
    return " ".join([shlex.quote(asked.folder), *given])
