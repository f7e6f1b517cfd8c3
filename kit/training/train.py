"""One training by name: everything is checked before TensorFlow is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from kit.models import plan_layers
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.shards import Dataset, find_dataset
from kit.specs import RunSpec, arm_name, read_setting, to_json, written
from kit.specs.recipe import DEFAULT_RECIPE, recipe_name, split_arm
from kit.specs.settings import require
from kit.workspace import Workspace


def train(
    name: str,
    *,
    recipe: str = DEFAULT_RECIPE,
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> RunDirectory:
    """Train one model on dataset `name` into runs/<id>/; a finished run is returned as it is.

    Args:
        name: a dataset in tfrecords/.
        recipe: a shipped recipe, the path of a .toml file, or an arm of either as RECIPE/ARM.
        settings: changes to it by dotted path, such as {"model.bn_momentum": 0.5}.
        seed: of initial weights and order.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every step.

    Raises:
        KitError: unknown dataset, recipe or setting, a model that does not fit the images, or a run that another
            process is training.
    """
    workspace = Workspace.at(root)
    dataset = find_dataset(name, root=root)
    spec = run_spec(dataset, recipe, settings or {}, seed=seed)
    check_spec(spec, dataset)
    directory = RunDirectory(workspace.runs / run_id(spec))
    if directory.is_finished:
        progress.start(f"train {spec.arm}", spec.train.epochs)
        progress.advance(spec.train.epochs, "finished before; remove its folder to train it again")
        progress.finish()
        return directory
    from kit.training.run import train_run  # noqa: PLC0415 (TensorFlow)

    train_run(dataset, spec, directory, progress=progress)
    return directory


def run_spec(dataset: Dataset, recipe: str, settings: Mapping[str, object], *, seed: int) -> RunSpec:
    """Join a dataset, a recipe or an arm of one, and changes to it.

    Raises:
        SpecError: unknown names, or changes to data, which the dataset has decided.
    """
    refuse_data(settings, dataset)
    changed = read_setting(recipe, settings)
    _, named = split_arm(recipe)
    arm = ",".join(filter(None, (named, arm_name(written(changed, settings), otherwise=""))))
    return RunSpec(
        dataset=dataset.manifest.name,
        fingerprint=dataset.manifest.fingerprint,
        arm=arm or recipe_name(recipe),
        seed=seed,
        model=changed.model,
        augment=changed.augment,
        train=changed.train,
    )


def refuse_data(settings: Iterable[str], dataset: Dataset) -> None:
    """Refuse changes of data, given as dotted paths, to a dataset that stands.

    Raises:
        SpecError: there are some.
    """
    paths = [path for path in settings if path.startswith("data.")]
    require(
        not paths,
        f"{', '.join(paths)}: the data are settled when they are sharded; shard the source of"
        f" {dataset.manifest.name} again, under another --name",
    )


def check_spec(spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a run that could not take a step on `dataset`.

    Raises:
        SpecError: the model does not fit the images.
        ShardError: images of different sizes, or too few for a batch.
    """
    plan_layers(spec.model, dataset.shape, len(dataset.manifest.classes))
    if backbone := spec.model.backbone.name:
        from kit.models.backbone import check_backbone  # noqa: PLC0415 (TensorFlow, which alone knows backbones)
        from kit.training.devices import prepare_devices  # noqa: PLC0415

        prepare_devices(spec.train.threads)
        check_backbone(backbone, (*dataset.shape[:2], 3), spec.model.backbone.weights)
    spec.augment.check_shape(dataset.shape)
    dataset.full_batches("train", spec.train.batch_size)
    dataset.shards("validation")


def run_id(spec: RunSpec) -> str:
    """Name a run by its settings, so that the same command finds the same run again."""
    digest = hashlib.sha256(to_json(spec)).hexdigest()[:8]
    return f"{spec.dataset}-{spec.arm[:60]}-seed-{spec.seed}-{digest}"
