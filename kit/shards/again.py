"""A dataset that stands, once more at another size."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import msgspec

from kit.engines import engine_for
from kit.errors import ShardError, SpecError
from kit.progress import NO_PROGRESS, Progress
from kit.shards.build import Conversion, build_dataset, describe_source
from kit.shards.dataset import DUPLICATES, Dataset
from kit.sources import Record, read_source
from kit.specs import ImageSpec, override, parse_size
from kit.workspace import Workspace

_IMAGE = {"data.size": "size", "data.fit": "fit", "data.channels": "channels"}


def shard_again(
    dataset: Dataset,
    settings: Mapping[str, object],
    *,
    workers: int | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Shard a dataset's source as it was sharded, with the same split and folds, but for what becomes of its images.

    Args:
        dataset: that stands.
        settings: data.size, data.fit and data.channels.
        workers: processes; one for each core otherwise.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every shard.

    Returns:
        The dataset, named after the one that stands and its size.

    Raises:
        SpecError: settings that would change the split.
        ShardError: the dataset was made from arrays, or its source has changed since.
    """
    conversion = plan_again(dataset, settings)
    return build_dataset(
        conversion,
        workspace=Workspace.at(root),
        engine=engine_for(workers),
        max_bad=dataset.manifest.rejects,
        progress=progress,
    )


def plan_again(dataset: Dataset, settings: Mapping[str, object]) -> Conversion:
    """Say what `shard_again` would write; see there."""
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
        ties=read_ties(dataset, source.records),
    )


def _image_spec(dataset: Dataset, settings: Mapping[str, object]) -> ImageSpec:
    if foreign := [path for path in settings if path not in _IMAGE]:
        raise SpecError(f"{', '.join(foreign)} would change the split; only {', '.join(_IMAGE)} can be set here")
    changes: dict[str, object] = {_IMAGE[path]: value for path, value in settings.items()}
    if "size" in changes:
        changes["size"] = ",".join(map(str, parse_size(str(changes["size"]))))
    return override(dataset.manifest.settings.image, changes)


def read_ties(dataset: Dataset, records: tuple[Record, ...]) -> tuple[tuple[Record, ...], ...]:
    """Read which records a dataset has kept together because their images are equal."""
    path = dataset.folder / DUPLICATES
    if not path.is_file():
        return ()
    by_path = {str(record.file.path): record for record in records}
    sets: dict[str, list[Record]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            sets.setdefault(row["set"], []).append(by_path[row["input"]])
    return tuple(tuple(members) for members in sets.values())
