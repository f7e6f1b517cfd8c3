"""The step from images and labels to a dataset, in one call."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack, overload

import msgspec
from numpy.typing import ArrayLike

from kit.arguments import checked_arguments
from kit.competitions import Filled, fill
from kit.conversion.build_dataset import build_dataset
from kit.conversion.build_part import ShardedPart, build_part
from kit.conversion.conversion import Conversion, describe_source
from kit.conversion.dali_index import write_index
from kit.conversion.shard_command import shard_again
from kit.conversion.write_shard import write_shard
from kit.datasets.dataset import Dataset
from kit.datasets.metric import kept_metric
from kit.engines import Part, check_engine, engine_for
from kit.errors import SourceError, SpecError, option, require
from kit.metrics.location import located
from kit.metrics.registry import AskedMetric
from kit.progress import NO_PROGRESS, Progress
from kit.sources import Source, read_arrays, read_source
from kit.specs import DataSpec, ImageSpec, ShardSpec, SourceSpec, read_setting
from kit.specs.image import read_size, size_text
from kit.specs.options import DATASET_SPECS, ShardOptions, SourceOptions, StoreOptions, spelled_out
from kit.specs.recipe import dataset_name
from kit.specs.serialization import build
from kit.specs.source import folder_name, source_spec
from kit.workspace import Workspace

_OF_DATA = ("fit", "channels", "class_from", "merge_splits", "ignore_splits", "group", "split", "folds", "seed")
_OF_IMAGE = ("scale", "page", "bands", "encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Arguments of a call, and the specs made of them.

    Attributes:
        given: Arguments of `shard` by name, for a command that asks otherwise.
        filled: Arguments that a competition fills; those of the call without one.
        data: Data settings of the recipe, changed by what is given.
        source: Source as it is asked for.
        spec: Settings of the shards.
    """

    given: Mapping[str, Any]
    filled: Filled
    data: DataSpec
    source: SourceSpec
    spec: ShardSpec

    @property
    def keeps_own_split(self) -> bool:
        """Whether the source's own validation split is to be kept."""
        return bool(self.given.get("split") == "own")


@overload
def shard(
    source: Path | str,
    *,
    name: str | None = None,
    recipe: str | None = None,
    competition: Path | str | None = None,
    metric: AskedMetric | None = None,
    max_rejects: int = 0,
    workers: int | None = None,
    part: None = None,
    engine: str = "local",
    address: str | None = None,
    index: bool = False,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[ShardOptions],
) -> Dataset: ...


@overload
def shard(
    source: Path | str,
    *,
    name: str | None = None,
    recipe: str | None = None,
    competition: Path | str | None = None,
    metric: AskedMetric | None = None,
    max_rejects: int = 0,
    workers: int | None = None,
    part: str | None,
    engine: str = "local",
    address: str | None = None,
    index: bool = False,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[ShardOptions],
) -> Dataset | ShardedPart: ...


@checked_arguments
@spelled_out(*DATASET_SPECS)
def shard(
    source: Path | str,
    *,
    name: str | None = None,
    recipe: str | None = None,
    competition: Path | str | None = None,
    metric: AskedMetric | None = None,
    max_rejects: int = 0,
    workers: int | None = None,
    part: str | None = None,
    engine: str = "local",
    address: str | None = None,
    index: bool = False,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[ShardOptions],
) -> Dataset | ShardedPart:
    """Write class folders, a label file and its images, or an .npz file as dataset `name`.

    A dataset that already holds the same inputs and settings is returned as it is. Images of one group, and images
    that are equal pixel by pixel, always lie in one split and one fold. What is None is the recipe's, or the default.

    Args:
        source: Class folders, also below train, val and test folders; the images that `labels` names; or an .npz file.
            With `competition`, the folder of its files.
        name: Name of the dataset, a folder in tfrecords/; the recipe's, the competition's, or that of the source's
            folder otherwise.
        recipe: Recipe whose data settings are meant where nothing else is given.
        competition: Competition whose files, columns, target, metric and groups are meant where nothing else is given:
            a name of `kit.competition_names`, or the path of a .toml file.
        metric: Metric that the competition scores, see `kit.find_metric`; the target's default otherwise. A function
            must be at the top level of a file, which later commands load. It may be changed later: for an existing
            dataset of the same inputs and settings nothing else is written.
        max_rejects: Inputs that may be listed in rejects.csv instead of stored.
        workers: Processes; one for each core otherwise, of all machines of a cluster. The bytes do not depend on it.
        part: Part of the shards to write, as one of several commands at once: "2/4" is the second of four; "auto" or
            "auto/4" ask the array job, see `kit.engines.part.Part`. The same call without it keeps what the parts
            wrote, writes the rest, and returns the dataset; its bytes are those of a single call.
        engine: "local" for processes of this machine, or "ray" for all machines of a Ray cluster, which must share the
            folders of the images and of the workspace. The shards' bytes do not depend on it.
        address: HOST:PORT of the Ray cluster's head; the environment's RAY_ADDRESS otherwise.
        index: Whether each shard's .idx is written too, by which NVIDIA DALI reads it.
        force: Whether a dataset of other inputs or settings is replaced.
        root: Folder of the workspace; KIT_ROOT or the current folder otherwise.
        progress: Receiver of every finished shard.
        **options: Options of the source and the shards.

    Returns:
        The dataset; for a part, what it wrote.

    Raises:
        KitError: Labels or images that cannot become this dataset; nothing is left half-written.
    """
    named, own = None if metric is None else located(metric), None if part is None else Part.parse(part)
    check_engine(engine, address, own)
    others = {
        "competition": competition,
        "metric": named,
        "max_rejects": max_rejects,
        "workers": workers,
        "part": part,
        "engine": engine,
        "address": address,
        "index": index,
        "force": force,
        "root": root,
    }
    filled = fill(competition, source, options, named)
    request = _request(filled, recipe=recipe, given={"source": source, **options, "name": name, **others})
    if name is None:
        name = dataset_name(recipe) if recipe else filled.name or folder_name(Path(source).resolve())
    chosen = engine_for(workers, engine, address)
    require(max_rejects >= 0, f"max_rejects must be 0 or more, got {max_rejects}")
    workspace = Workspace.at(root)
    is_new = force or not (workspace.datasets / name).exists()
    with chosen.prepare(write_shard) if is_new else contextlib.nullcontext():  # while the source is read
        conversion = _conversion(name, _read(request), request, recipe or "", metric=filled.metric, workspace=workspace)
        asked: dict[str, Any] = {"engine": chosen, "max_rejects": max_rejects, "force": force, "progress": progress}
        if own:
            return build_part(conversion, own, workspace=workspace, **asked)
        dataset = build_dataset(conversion, workspace=workspace, **asked)
    if index:
        write_index(dataset)
    return dataset


@checked_arguments
@spelled_out(*DATASET_SPECS)
def shard_arrays(
    images: ArrayLike,
    labels: Sequence[Any] | ArrayLike,
    *,
    name: str,
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    target: str | None = None,
    metric: AskedMetric | None = None,
    workers: int | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
    **options: Unpack[StoreOptions],
) -> Dataset:
    """Write arrays as dataset `name`.

    Args:
        images: [n, height, width] or [n, height, width, channels], of any number type, or n arrays of different sizes;
            floats are 0 to 1, or see `scale`.
        labels: Labels of n images: whole numbers or names [n] or [n, 1]; one-hot [n, classes]; other 0 and 1
            [n, tags]; or other numbers [n] or [n, values].
        name: Name of the dataset, a folder in tfrecords/.
        ids: Texts [n] that are all different; indices otherwise.
        groups: Names [n] of what must not be divided between splits, such as patients.
        class_names: Names of the classes 0, 1, and so on, for labels that are numbers; a dataset sorts its classes by
            name. Names of the tags or values in their order; of the grades from the lowest to the highest.
        target: Meaning of the labels: "classes", "tags", "grades" or "values"; None finds it.
        metric: Metric that the competition scores, see `kit.find_metric`; the target's default otherwise. A function
            must be at the top level of a file, which later commands load.
        workers: Processes; one for each core otherwise.
        force: Whether a dataset of other inputs or settings is replaced.
        root: Folder of the workspace; KIT_ROOT or the current folder otherwise.
        progress: Receiver of every finished shard.
        **options: Options of the shards.

    Raises:
        KitError: Arrays that cannot become this dataset; nothing is left half-written.
    """
    named = None if metric is None else located(metric)
    filled = Filled(source="arrays", options={**options, "class_names": class_names, "target": target})
    request = _request(filled, recipe=None)
    source = read_arrays(images, labels, ids=ids, groups=groups, spec=request.source)
    workspace = Workspace.at(root)
    return build_dataset(
        _conversion(name, source, request, metric=named, workspace=workspace),
        workspace=workspace,
        engine=engine_for(workers),
        force=force,
        progress=progress,
    )


def _request(filled: Filled, *, recipe: str | None, given: Mapping[str, Any] | None = None) -> _Request:
    """Make specs of what is given."""
    options = filled.options
    data = _data(recipe, options)
    known = {name: options.get(name) for name in SourceOptions.__annotations__}
    known["class_from"] = known["class_from"] or (None if known["labels"] else data.class_from or None)
    known |= {"merge_splits": data.merge_splits, "ignore_splits": data.ignore_splits, "group": data.group or None}
    return _Request(
        given={**(given or {}), "recipe": recipe},
        filled=filled,
        data=data,
        source=source_spec(filled.source, known),
        spec=_shard_spec(data, options),
    )


def _data(recipe: str | None, options: Mapping[str, Any]) -> DataSpec:
    """Change a recipe's data settings, or the defaults, by what is given."""
    data = read_setting(recipe).data if recipe else DataSpec()
    changes = {name: options[name] for name in _OF_DATA if options.get(name) is not None}
    if changes.get("split") == "own":
        del changes["split"]
    if options.get("size") is not None:
        changes["size"] = size_text(*read_size(options["size"]))
    undersample, per_class = options.get("undersample"), options.get("per_class")
    if undersample is not None or per_class is not None:  # one of them takes the place of the recipe's other
        balance = "down" if undersample else None
        build({"balance": balance, "per_class": per_class}, ShardSpec)  # refuses what DataSpec would take for none
        changes |= {"balance": balance or "", "per_class": per_class or 0}
    return build(msgspec.structs.asdict(data) | changes, DataSpec)


def _shard_spec(data: DataSpec, options: Mapping[str, Any]) -> ShardSpec:
    """Add what data settings do not say."""
    spec = msgspec.to_builtins(data.shard_spec())
    image = {name: options[name] for name in _OF_IMAGE if name in options}
    near = options.get("near_bits", spec["near_duplicates"])
    whole = build(spec["image"] | image, ImageSpec)
    return build(spec | {"image": msgspec.to_builtins(whole)} | {"near_duplicates": near}, ShardSpec)


def _conversion(
    name: str, source: Source, request: _Request, recipe: str = "", *, metric: str | None, workspace: Workspace
) -> Conversion:
    return Conversion(
        name=name,
        source=source,
        info=describe_source(source, request.source),
        spec=request.spec,
        recipe=recipe,
        metric=None if metric is None else kept_metric(metric, source.target, workspace.root),
    )


def _read(request: _Request) -> Source:
    """Read a source; where it has to be asked for otherwise, a refusal gives the whole command."""
    asked, given = request.source, request.given
    try:
        source = read_source(asked)
    except SourceError as error:
        if error.choices:
            commands = " - or ".join(shard_again({**given, **choice}) for choice in error.choices)
            raise SourceError(f"{error.problem}; say which: {commands}") from error
        if error.instead is None:
            raise
        spelled_out = {**given, **request.filled.options, "competition": None, "source": error.instead}
        raise SourceError(f"{error.marked}: {shard_again(spelled_out)}") from error
    own = sum(record.split == "validation" for record in source.records)
    if request.keeps_own_split and not own:
        two = option("split", (0.7, 0.3), typed="two shares, as 70/30")
        raise SpecError(f"{asked.folder} has no validation split of its own to keep; give {two}")
    shares = None if request.spec.folds else request.data.split  # folds have a place for all
    if own and shares and (given["recipe"] or given.get("split")) and not request.keeps_own_split:
        percents = "/".join(f"{100 * share:g}" for share in shares)
        by = (
            option("split", shares, typed=percents)
            if given.get("split")
            else f"the split {percents} of {given['recipe']}"
        )
        without = {**given, "ignore_splits": [*asked.ignore_splits, "val"]}
        raise SpecError(
            f"{asked.folder} has a validation split of its own ({own:,} images) beside {by}; leave its own out:"
            f" {shard_again(without)} - or keep it: {shard_again({**given, 'split': 'own'})} - or divide all anew"
            f" with {option('merge_splits', True)}"
        )
    return source
