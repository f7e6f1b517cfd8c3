"""Reshards an existing dataset at another size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from kit.conversion.build_dataset import build_dataset
from kit.conversion.conversion import Conversion, describe_source
from kit.conversion.exact_duplicates import read_duplicates
from kit.datasets.dataset import DUPLICATES, NEAR_DUPLICATES, Dataset
from kit.datasets.metric import read_metric
from kit.engines import engine_for
from kit.errors import ShardError, SpecError
from kit.progress import NO_PROGRESS, Progress
from kit.sources import read_source
from kit.specs import ImageSpec, override, parse_size
from kit.workspace import Workspace

_IMAGE = {"data.size": "size", "data.fit": "fit", "data.channels": "channels"}


def plan_again(dataset: Dataset, settings: Mapping[str, object]) -> Conversion:
    """Plan a dataset of the same source, split and folds with other image settings.

    Args:
        dataset: Dataset to reshard.
        settings: Settings data.size, data.fit and data.channels.

    Returns:
        Conversion into a dataset named after the existing one and the size.

    Raises:
        SpecError: A setting would change the split.
        ShardError: The dataset was made from arrays, or its source is gone or has changed since.
    """
    image = _image_spec(dataset, settings)
    name = "-".join([dataset.manifest.name, *(str(settings[path]) for path in _IMAGE if path in settings)])
    asked = dataset.manifest.source.spec
    if not Path(asked.folder).exists():
        raise ShardError(
            f"{dataset.folder} was made from {asked.folder}, which is not there; shard it at the other size yourself,"
            f" as {name}"
        )
    source = read_source(asked)
    info = describe_source(source, asked)
    if info.digest != dataset.manifest.source.digest:
        raise ShardError(f"{asked.folder} has changed since {dataset.folder} was made: its split would not be the same")
    return Conversion(
        name=name,
        source=source,
        info=info,
        spec=msgspec.structs.replace(dataset.manifest.settings, image=image),
        ties=read_duplicates(dataset.checked(DUPLICATES), source.records) if dataset.manifest.duplicates.sets else (),
        near=read_duplicates(dataset.checked(NEAR_DUPLICATES), source.records)
        if dataset.manifest.near_duplicates.sets
        else (),
        metric=read_metric(dataset.folder),
    )


def shard_again(
    dataset: Dataset,
    planned: Conversion,
    *,
    workers: int | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write the dataset planned by `plan_again`.

    Args:
        dataset: Dataset to reshard; as many bad inputs as in this one are allowed.
        planned: Plan from `plan_again`.
        workers: Number of processes; one per core otherwise.
        root: Workspace; KIT_ROOT or the current folder otherwise.
        progress: Receiver of every finished shard.

    Raises:
        KitError: The dataset cannot be written; see `build_dataset`.
    """
    return build_dataset(
        planned,
        workspace=Workspace.at(root),
        engine=engine_for(workers),
        max_rejects=dataset.manifest.rejects,
        progress=progress,
    )


def _image_spec(dataset: Dataset, settings: Mapping[str, object]) -> ImageSpec:
    if foreign := [path for path in settings if path not in _IMAGE]:
        raise SpecError(f"{', '.join(foreign)} would change the split; only {', '.join(_IMAGE)} can be set here")
    changes: dict[str, object] = {_IMAGE[path]: value for path, value in settings.items()}
    if "size" in changes:
        changes["size"] = ",".join(map(str, parse_size(str(changes["size"]))))
    return override(dataset.manifest.settings.image, changes)
