"""A training as it is asked for, and the settings of the run that answers it; nothing heavy is loaded for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict

import msgspec

from kit.datasets import Dataset, find_dataset
from kit.errors import option, require, worded
from kit.progress import PrefacedProgress, Progress
from kit.specs import RunSpec, Setting, arm_name, to_json, written
from kit.specs.device_list import Devices, parse_devices
from kit.specs.naming import as_named
from kit.specs.recipe import DEFAULT_RECIPE, recipe_name, split_arm
from kit.specs.train import CHECKPOINT_MINUTES, Cache, Precision
from kit.training.dataset_defaults import with_defaults
from kit.training.recipe_data import setting_for
from kit.workspace import Workspace

Distribute: TypeAlias = Literal["multiworker"]
MULTIWORKER: Distribute = "multiworker"
_SHORT = {"head": "model.head"}  # options of settings that are none of a training's


class TrainOptions(TypedDict, total=False):
    """Options of a training, all but its dataset; described in `TrainRequest`."""

    recipe: str | None
    settings: Mapping[str, object] | None
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    precision: Precision | None
    cache: Cache | None
    head: str | None
    seed: int
    devices: str
    distribute: Distribute | None
    checkpoint_minutes: float
    root: Path | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """Everything a caller says about a training.

    Attributes:
        name: Name of a dataset in tfrecords/.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM; histopathologic-cancer by
            default, whatever the images show.
        settings: Changes to the recipe by dotted path, such as {"model.bn_momentum": 0.5}.
        epochs: Short form of the setting train.epochs.
        batch_size: Short form of train.batch_size.
        learning_rate: Short form of train.learning_rate.
        precision: Short form of train.precision.
        cache: Short form of train.cache.
        head: Short form of model.head.
        seed: Seed for the initial weights and the order of examples.
        devices: "auto" is all GPUs, or the CPU where there is none; "cpu"; "cpu:4", logical devices that share the
            cores; "gpu", all; "gpu:0,1". Several are mirrored: each takes its part of a batch, and batch norm counts
            over all of it, so the figures are those of one device to within rounding.
        distribute: "multiworker" trains one model on the machines that TF_CONFIG names, with the same command on each;
            the first writes the run, with checkpoints at the ends of epochs only.
        checkpoint_minutes: Minutes between checkpoints within an epoch; each epoch's end has one anyway.
        root: Workspace; KIT_ROOT or the current folder otherwise.
    """

    name: str
    recipe: str | None = None
    settings: Mapping[str, object] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    precision: str | None = None
    cache: str | None = None
    head: str | None = None
    seed: int = 0
    devices: str = "auto"
    distribute: str | None = None
    checkpoint_minutes: float = CHECKPOINT_MINUTES
    root: Path | str | None = None

    def plan(self) -> PlannedTraining:
        """Open the dataset and join it with the recipe and the changes.

        Raises:
            KitError: Unknown dataset, recipe or setting, a setting given twice, or malformed devices.
        """
        devices = parse_devices(self.devices)
        require(
            self.distribute in {None, MULTIWORKER},
            f"distribute must be {MULTIWORKER} or left out, got '{self.distribute}'",
        )
        dataset = find_dataset(self.name, root=self.root)
        changes = with_short(
            self.settings or {},
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            precision=self.precision,
            cache=self.cache,
            head=self.head,
        )
        spec = run_spec(dataset, self.recipe or DEFAULT_RECIPE, changes, seed=self.seed)
        return PlannedTraining(workspace=Workspace.at(self.root), dataset=dataset, spec=spec, devices=devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTraining:
    """A training before it has begun.

    Attributes:
        workspace: Workspace of its run.
        dataset: Dataset to train on.
        spec: Settings of the run.
        devices: Devices to train on, not yet looked for.
    """

    workspace: Workspace
    dataset: Dataset
    spec: RunSpec
    devices: Devices


def saying_recipe(recipe: str | None, progress: Progress) -> Progress:
    """Have the first task tell which recipe is taken where none is named: it knows nothing of the images."""
    if recipe is not None:
        return progress
    return PrefacedProgress(progress, f"recipe {DEFAULT_RECIPE}, as none is named; kit recipes lists others")


def with_short(settings: Mapping[str, object], **short: object | None) -> dict[str, object]:
    """Put those that have options of their own before settings by dotted path; None where one is not given.

    Raises:
        SpecError: A setting is given in both ways.
    """
    given = {_SHORT.get(name, f"train.{name}"): value for name, value in short.items() if value is not None}
    for path in given:
        twice = f"{option(path.rpartition('.')[2])} and by {worded('--set', 'settings=')}"
        require(path not in settings, f"{path} is given twice, by {twice}; give it once")
    return {**given, **settings}


def run_spec(dataset: Dataset, recipe: str, settings: Mapping[str, object], *, seed: int) -> RunSpec:
    """Join a dataset, a recipe or an arm of one, and changes to it.

    Raises:
        SpecError: Unknown names, or data settings that the dataset was not made with.
    """
    changed = setting_for(dataset, recipe, settings)
    _, named = split_arm(recipe)
    arm = ",".join(filter(None, (named, arm_name(written(changed, settings), otherwise=""))))
    return spec_of(changed, dataset, arm=arm or recipe_name(recipe), seed=seed)


def spec_of(setting: Setting, dataset: Dataset, *, arm: str, seed: int, fold: int | None = None) -> RunSpec:
    """Make a run of a setting on a dataset, which says what the setting leaves open.

    Raises:
        SpecError: A head or a loss that the dataset's target lacks.
    """
    spec = RunSpec(
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        arm=arm,
        seed=seed,
        fold=fold,
        model=setting.model,
        augment=setting.augment,
        train=setting.train,
    )
    return with_defaults(spec, dataset)


def run_id(spec: RunSpec) -> str:
    """Name a run by its settings, so that the same command finds the same run again."""
    return f"{_title(spec)}-{_digest(spec)}"


def fold_set_id(spec: RunSpec) -> str:
    """Name a fold set by the settings of its runs, whichever the folds."""
    return f"{_title(spec)}-folds-{_digest(msgspec.structs.replace(spec, fold=None))}"


def _title(spec: RunSpec) -> str:
    return f"{spec.dataset}-{spec.arm[:60]}-seed-{spec.seed}"


def _digest(spec: RunSpec) -> str:
    return hashlib.sha256(to_json(as_named(spec))).hexdigest()[:8]
