"""The step from images and labels to a dataset, in one call."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from numpy.typing import ArrayLike

from kit.conversion.build_dataset import build_dataset
from kit.conversion.conversion import Conversion, describe_source
from kit.conversion.dali_index import write_index
from kit.conversion.shard_command import shard_command
from kit.conversion.write_shard import write_shard
from kit.datasets.dataset import Dataset
from kit.engines import Engine, engine_for
from kit.errors import SourceError, SpecError, require
from kit.progress import NO_PROGRESS, Progress
from kit.sources import Source, read_arrays, read_source
from kit.specs import DataSpec, ShardSpec, SourceSpec, read_setting
from kit.specs.recipe import dataset_name
from kit.specs.source import path_text
from kit.workspace import Workspace


def shard(
    source: Path | str,
    *,
    name: str | None = None,
    recipe: str | None = None,
    labels: Path | str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    class_from: str | None = None,
    classes: Mapping[str, str] | None = None,
    class_names: Sequence[str] | None = None,
    merge_splits: bool | None = None,
    ignore_splits: Sequence[str] | None = None,
    group: str | None = None,
    exclude: Path | str | None = None,
    test: Path | str | None = None,
    sample_submission: Path | str | None = None,
    size: tuple[int, int] | None = None,
    fit: str | None = None,
    channels: int | None = None,
    scale: str = "none",
    page: int = 0,
    bands: Sequence[int] = (),
    encoding: str = "auto",
    split: tuple[float, ...] | Literal["own"] | None = None,
    folds: int | None = None,
    balance: str | None = None,
    per_class: int | None = None,
    near_duplicates: int = 0,
    seed: int | None = None,
    max_bad: int = 0,
    workers: int | None = None,
    index: bool = False,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write class folders, a label file and its images, or an .npz file as dataset `name`.

    A dataset that already holds the same inputs and settings is returned as it is. Images of one group, and images
    that are equal pixel by pixel, always lie in one split and one fold. What is None is the recipe's, or the default
    that stands here.

    Args:
        source: class folders, also below train, val and test folders; the images that `labels` names; or an .npz file.
        name: of the dataset, a folder in tfrecords/; the recipe's own otherwise.
        recipe: whose data settings are meant where nothing else is given.
        labels: CSV or Parquet file of ids and labels, with or without a header.
        id_column: its column of ids, with or without the files' endings; found by its name or content otherwise.
        label_column: its column of labels, or one-hot columns with commas between; found otherwise.
        class_from: regular expression that finds the class in a file's name; the folder is it where it finds none.
        classes: Class by label, for labels that are to be renamed or brought together: {"Cat": "cat"}.
        class_names: Names of the classes 0, 1, and so on, for labels that are numbers, as those of an .npz file.
        merge_splits: whether train, val and test folders are one source, to be divided anew.
        ignore_splits: Splits of the source's own that are left out: "train", "val" or "test".
        group: column of `labels`, or regular expression that finds the group (a patient, a slide) in a file's name.
        exclude: text file of ids or paths to leave out.
        test: folder of unlabelled images.
        sample_submission: CSV whose first column orders the test images.
        size: height and width in pixels; else each image keeps its own.
        fit: "crop" (default), "pad" or "stretch"; see `ImageSpec`.
        channels: 3 for RGB (default), 1 for grey.
        scale: "none", "minmax" or "percentile:1,99", for more than 8 bits; see `ImageSpec`.
        page: of files with several, from 0.
        bands: channels of TIFFs and arrays to take, from 0: three, or one; those marked as grey or RGB otherwise.
        encoding: "auto", "keep", "raw", "png" or "jpeg:90"; see `ImageSpec`.
        split: shares of train and validation (0.7 and 0.3 by default), or train, validation and test; "own" keeps the
            source's own validation split, which other shares leave no place for.
        folds: equal parts for cross-validation; validation is fold 0 then, train the others.
        balance: "down" takes as many images of each class as the smallest has.
        per_class: images to take of each class.
        near_duplicates: Bits of 64 in which the perceptual hashes of images differ at most that stay in one split and
            one fold, turned and mirrored ones too; 0 ties equal images only. `kit.audit` shows what it finds.
        seed: of the split, the folds, what is taken and the order; 0 by default.
        max_bad: inputs that may be listed in rejects.csv instead of stored.
        workers: processes; one for each core otherwise. The bytes do not depend on it.
        index: also write each shard's .idx, by which NVIDIA DALI reads it.
        force: replace a dataset of other inputs or settings.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every shard.

    Raises:
        KitError: labels or images that cannot become this dataset; nothing is left half-written.
    """
    given = dict(locals())
    require(name is not None or recipe is not None, "give the dataset a name, or a recipe that has one")
    name = dataset_name(recipe or "") if name is None else name
    data = _data(
        recipe,
        size=size,
        fit=fit,
        channels=channels,
        class_from=class_from,
        merge_splits=merge_splits,
        ignore_splits=None if ignore_splits is None else tuple(ignore_splits),
        group=group,
        split=None if split == "own" else split,
        folds=folds,
        balance=balance,
        per_class=per_class,
        seed=seed,
    )
    image = {"scale": scale, "page": page, "bands": tuple(bands), "encoding": encoding}
    spec = _shard_spec(data, image, near_duplicates)
    asked = SourceSpec(
        folder=str(source),
        labels=path_text(labels),
        id_column=id_column,
        label_column=label_column,
        class_from=class_from or (None if labels else data.class_from or None),
        classes=tuple((classes or {}).items()),
        class_names=tuple(class_names or ()),
        merge_splits=data.merge_splits,
        ignore_splits=data.ignore_splits,
        group=data.group or None,
        exclude=path_text(exclude),
        test=path_text(test),
        sample_submission=path_text(sample_submission),
    )
    engine = engine_for(workers)
    require(max_bad >= 0, f"max_bad must be 0 or more, got {max_bad}")
    is_new = force or not (Workspace.at(root).datasets / name).exists()
    with engine.prepare(write_shard) if is_new else contextlib.nullcontext():  # while the source is read
        return _convert(
            _read(asked, given, shares=None if spec.folds else data.split),
            asked,
            spec,
            name=name,
            recipe=recipe or "",
            engine=engine,
            max_bad=max_bad,
            index=index,
            force=force,
            root=root,
            progress=progress,
        )


def shard_arrays(
    images: ArrayLike,
    labels: Sequence[Any] | ArrayLike,
    *,
    name: str,
    ids: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    fit: str = "crop",
    channels: int = 3,
    scale: str = "none",
    bands: Sequence[int] = (),
    encoding: str = "auto",
    split: tuple[float, ...] = (0.7, 0.3),
    folds: int = 0,
    balance: str | None = None,
    per_class: int | None = None,
    near_duplicates: int = 0,
    seed: int = 0,
    workers: int | None = None,
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write arrays as dataset `name`.

    Args:
        images: [n, height, width] or [n, height, width, channels], of any number type, or n arrays of different sizes;
            floats are 0 to 1, or see `scale`.
        labels: n classes as numbers or names, [n], [n, 1], or one-hot [n, classes].
        name: of the dataset, a folder in tfrecords/.
        ids: n texts that are all different; places otherwise.
        groups: n names of what must not be divided between splits, such as patients.
        class_names: Names of the classes 0, 1, and so on, for labels that are numbers; a dataset sorts its classes by
            name.
        size: height and width in pixels; None keeps each image's own.
        fit: "crop", "pad" or "stretch"; see `ImageSpec`.
        channels: that are stored: 3 for RGB, 1 for grey.
        scale: "none", "minmax" or "percentile:1,99", for more than 8 bits; see `ImageSpec`.
        bands: channels to take, from 0: three, or one; needed for more than four.
        encoding: "auto", "raw", "png" or "jpeg:90"; see `ImageSpec`.
        split: shares of train and validation, or train, validation and test.
        folds: equal parts for cross-validation; validation is fold 0 then, train the others.
        balance: "down" takes as many images of each class as the smallest has.
        per_class: images to take of each class.
        near_duplicates: Bits of 64 in which the perceptual hashes of images differ at most that stay in one split and
            one fold, turned and mirrored ones too; 0 ties equal images only.
        seed: of the split, the folds, what is taken and the order.
        workers: processes; one for each core otherwise.
        force: replace a dataset of other inputs or settings.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every shard.

    Raises:
        KitError: arrays that cannot become this dataset; nothing is left half-written.
    """
    data = _data(
        None,
        size=size,
        fit=fit,
        channels=channels,
        split=split,
        folds=folds,
        balance=balance,
        per_class=per_class,
        seed=seed,
    )
    asked = SourceSpec(folder="arrays", class_names=tuple(class_names or ()))
    image = {"scale": scale, "bands": tuple(bands), "encoding": encoding}
    return _convert(
        read_arrays(images, labels, ids=ids, groups=groups, spec=asked),
        asked,
        _shard_spec(data, image, near_duplicates),
        name=name,
        engine=engine_for(workers),
        force=force,
        root=root,
        progress=progress,
    )


def _data(
    recipe: str | None, *, size: tuple[int, int] | None, balance: str | None, per_class: int | None, **given: object
) -> DataSpec:
    """Change a recipe's data settings, or the defaults, by what is given."""
    data = read_setting(recipe).data if recipe else DataSpec()
    changes = {name: value for name, value in given.items() if value is not None}
    if size is not None:
        changes["size"] = f"{size[0]}x{size[1]}"
    if balance is not None or per_class is not None:  # one of them takes the place of the recipe's other
        ShardSpec(balance=balance, per_class=per_class)  # refuses what DataSpec would take for none
        changes |= {"balance": balance or "", "per_class": per_class or 0}
    return msgspec.structs.replace(data, **changes)


def _shard_spec(data: DataSpec, image: Mapping[str, Any], near_duplicates: int) -> ShardSpec:
    """Add what data settings do not say."""
    spec = data.shard_spec()
    changed = msgspec.structs.replace(spec.image, **image)
    return msgspec.structs.replace(spec, image=changed, near_duplicates=near_duplicates)


def _read(asked: SourceSpec, given: Mapping[str, object], *, shares: tuple[float, ...] | None) -> Source:
    """Read a source; where it has to be asked for otherwise, a refusal gives the whole command.

    Args:
        asked: Source as it is asked for.
        given: Arguments of `shard`, for such a command.
        shares: Shares of the splits; None with folds, which have a place for all.
    """
    try:
        source = read_source(asked)
    except SourceError as error:
        if error.instead is None:
            raise
        raise SourceError(f"{error}: {shard_command({**given, 'source': error.instead})}") from error
    own = sum(record.split == "validation" for record in source.records)
    if given["split"] == "own" and not own:
        raise SpecError(f"{asked.folder} has no validation split of its own to keep; give --split two shares, as 70/30")
    if own and shares and (given["recipe"] or given["split"]) and given["split"] != "own":
        percents = "/".join(f"{100 * share:g}" for share in shares)
        by = f"--split {percents}" if given["split"] else f"the split {percents} of {given['recipe']}"
        without = {**given, "ignore_splits": [*asked.ignore_splits, "val"]}
        raise SpecError(
            f"{asked.folder} has a validation split of its own ({own:,} images) beside {by}; leave its own out:"
            f" {shard_command(without)} - or keep it: {shard_command({**given, 'split': 'own'})} - or divide all anew"
            " with --merge-splits"
        )
    return source


def _convert(
    source: Source,
    asked: SourceSpec,
    spec: ShardSpec,
    *,
    name: str,
    recipe: str = "",
    engine: Engine,
    max_bad: int = 0,
    index: bool = False,
    force: bool,
    root: Path | str | None,
    progress: Progress,
) -> Dataset:
    dataset = build_dataset(
        Conversion(name=name, source=source, info=describe_source(source, asked), spec=spec, recipe=recipe),
        workspace=Workspace.at(root),
        engine=engine,
        max_bad=max_bad,
        force=force,
        progress=progress,
    )
    if index:
        write_index(dataset)
    return dataset
