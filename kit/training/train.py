"""One training by name: everything is checked before TensorFlow is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kit.datasets import Dataset, find_dataset
from kit.errors import require
from kit.progress import NO_PROGRESS, PrefacedProgress, Progress
from kit.runs import RunDirectory
from kit.specs import RunSpec, Setting, arm_name, to_json, written
from kit.specs.device_list import parse_devices
from kit.specs.naming import as_named
from kit.specs.recipe import DEFAULT_RECIPE, recipe_name, split_arm
from kit.specs.train import CHECKPOINT_MINUTES, Cache, Precision
from kit.training.check import check_spec
from kit.training.recipe_data import setting_for
from kit.workspace import Workspace


def train(
    name: str,
    *,
    recipe: str | None = None,
    settings: Mapping[str, object] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    precision: Precision | None = None,
    cache: Cache | None = None,
    seed: int = 0,
    devices: str = "auto",
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> RunDirectory:
    """Train one model on dataset `name` into runs/<id>/; a finished run is returned as it is.

    Args:
        name: a dataset in tfrecords/.
        recipe: Shipped recipe, path of a .toml file, or an arm of either as RECIPE/ARM; histopathologic-cancer by
            default, whatever the images show.
        settings: changes to it by dotted path, such as {"model.bn_momentum": 0.5}.
        epochs: short for the setting train.epochs.
        batch_size: short for train.batch_size.
        learning_rate: short for train.learning_rate.
        precision: short for train.precision.
        cache: short for train.cache.
        seed: of initial weights and order.
        devices: "auto" is all GPUs, or the CPU where there is none; "cpu"; "cpu:4", logical devices that share the
            cores; "gpu", all; "gpu:0,1". Several are mirrored: each takes its part of a batch, and batch norm counts
            over all of it, so the figures are those of one device to within rounding.
        checkpoint_minutes: between checkpoints within an epoch; each epoch's end has one anyway.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every step.

    Raises:
        KitError: unknown dataset, recipe or setting, a setting given twice, devices that are not here, a model that
            does not fit the images, or a run that another process is training.
    """
    workspace, wanted = Workspace.at(root), parse_devices(devices)
    dataset = find_dataset(name, root=root)
    changes = with_short(
        settings or {},
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        cache=cache,
    )
    spec = run_spec(dataset, recipe or DEFAULT_RECIPE, changes, seed=seed)
    check_spec(spec, dataset, wanted)
    progress = saying_recipe(recipe, progress)
    directory = RunDirectory(workspace.runs / run_id(spec))
    if directory.is_finished:
        progress.start(f"train {spec.arm}", spec.train.epochs)
        progress.advance(spec.train.epochs, "finished before; remove its folder to train it again")
        progress.finish()
        return directory
    from kit.training.fit import train_run  # noqa: PLC0415 (TensorFlow)

    train_run(dataset, spec, directory, devices=wanted, checkpoint_minutes=checkpoint_minutes, progress=progress)
    return directory


def saying_recipe(recipe: str | None, progress: Progress) -> Progress:
    """Have the first task tell which recipe is taken where none is named: it knows nothing of the images."""
    if recipe is not None:
        return progress
    return PrefacedProgress(
        progress, f"recipe {DEFAULT_RECIPE}, as none is named; kit recipes lists others for --recipe"
    )


def with_short(settings: Mapping[str, object], **short: object | None) -> dict[str, object]:
    """Put those of `train` that have options of their own before settings by dotted path; None where one is not given.

    Raises:
        SpecError: a setting is given in both ways.
    """
    given = {f"train.{name}": value for name, value in short.items() if value is not None}
    for path in given:
        option = f"--{path.removeprefix('train.').replace('_', '-')}"
        require(path not in settings, f"{path} is given twice, by {option} and by --set; give it once")
    return {**given, **settings}


def run_spec(dataset: Dataset, recipe: str, settings: Mapping[str, object], *, seed: int) -> RunSpec:
    """Join a dataset, a recipe or an arm of one, and changes to it.

    Raises:
        SpecError: unknown names, or data settings that the dataset was not made with.
    """
    changed = setting_for(dataset, recipe, settings)
    _, named = split_arm(recipe)
    arm = ",".join(filter(None, (named, arm_name(written(changed, settings), otherwise=""))))
    return spec_of(changed, dataset, arm=arm or recipe_name(recipe), seed=seed)


def spec_of(setting: Setting, dataset: Dataset, *, arm: str, seed: int, fold: int | None = None) -> RunSpec:
    """Make a run of a setting on a dataset."""
    return RunSpec(
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        arm=arm,
        seed=seed,
        fold=fold,
        model=setting.model,
        augment=setting.augment,
        train=setting.train,
    )


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
