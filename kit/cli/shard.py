"""kit shard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import (
    Address,
    Classes,
    ClassFrom,
    ClassNames,
    Competition,
    Engine,
    Exclude,
    Force,
    Group,
    IdColumn,
    IgnoreSplits,
    Json,
    LabelColumn,
    Labels,
    MergeSplits,
    NoTag,
    Part,
    PathColumn,
    Root,
    SampleSubmission,
    Separator,
    Target,
    Test,
)
from kit.workspace import with_root

if TYPE_CHECKING:
    from kit.datasets import Dataset

_SPLIT, _IMAGES = "Splits and folds", "Processing of the images"


def shard(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Class folders, the images that --labels names, or an .npz file."),
    ],
    name: Annotated[
        str | None,
        typer.Option(help="Name of the dataset to write in tfrecords/.", show_default="the recipe's, or the folder's"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="Recipe with defaults for size, channels, split and classes."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric that the competition scores, or FILE.py:FUNCTION; may be changed by the same command later.",
            show_default="the target's",
        ),
    ] = None,
    competition: Competition = None,
    labels: Labels = None,
    id_column: IdColumn = None,
    path_column: PathColumn = None,
    label_column: LabelColumn = None,
    target: Target = None,
    separator: Separator = None,
    no_tag: NoTag = None,
    class_from: ClassFrom = None,
    classes: Classes = None,
    class_names: ClassNames = None,
    merge_splits: MergeSplits = None,
    ignore_splits: IgnoreSplits = None,
    group: Group = None,
    exclude: Exclude = None,
    test: Test = None,
    sample_submission: SampleSubmission = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="70/30|70/20/10|own",
            help="Percent train/validation, or train/validation/test; own keeps the source's validation split.",
            show_default="70/30",
            rich_help_panel=_SPLIT,
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(help="Equal parts for cross-validation; validation is fold 0.", rich_help_panel=_SPLIT),
    ] = None,
    undersample: Annotated[
        bool | None,
        typer.Option(
            "--undersample",
            help="Undersample every class to the size of the smallest.",
            rich_help_panel=_SPLIT,
            show_default=False,
        ),
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="Images to take of each class.", rich_help_panel=_SPLIT)] = None,
    near_bits: Annotated[
        int,
        typer.Option(
            metavar="BITS",
            help="Keep images together if their hashes differ in at most this many of 64 bits, also when rotated or"
            " mirrored; kit audit --near-bits shows them.",
            show_default="0: equal images only",
            rich_help_panel=_SPLIT,
        ),
    ] = 0,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of splits, folds, undersampling and order.", show_default="0", rich_help_panel=_SPLIT),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="S|HxW", help="Resize every image; by default each keeps its own size.", rich_help_panel=_IMAGES
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            metavar="crop|pad|stretch",
            help="Adjustment of images with another aspect ratio.",
            show_default="crop",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="3 for RGB, 1 for grey.", show_default="3", rich_help_panel=_IMAGES)
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            metavar="SCALE",
            help="Mapping of more than 8 bits to 8: none, by the type's range; minmax, by the image's; or"
            " percentile:1,99, between percentiles.",
            rich_help_panel=_IMAGES,
        ),
    ] = "none",
    page: Annotated[int, typer.Option(help="Page of TIFFs with several pages, from 0.", rich_help_panel=_IMAGES)] = 0,
    bands: Annotated[
        str | None,
        typer.Option(
            metavar="0|2,1,0",
            help="Channels of multichannel TIFFs to take, from 0: one, or three.",
            show_default="grey or RGB as marked",
            rich_help_panel=_IMAGES,
        ),
    ] = None,
    encoding: Annotated[
        str,
        typer.Option(
            metavar="auto|keep|raw|png|jpeg[:90]",
            help="Format of the stored images; auto is raw if small, else the file's own bytes or PNG.",
            rich_help_panel=_IMAGES,
        ),
    ] = "auto",
    max_rejects: Annotated[
        int, typer.Option(help="Number of bad inputs allowed in rejects.csv before the command stops.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes; the output does not depend on it.", show_default="one per core"),
    ] = None,
    part: Part = None,
    engine: Engine = "local",
    address: Address = None,
    index: Annotated[bool, typer.Option("--index", help="Also write .idx files for NVIDIA DALI.")] = False,
    force: Force = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Turn class folders, a label file and its images, or arrays into sharded TFRecords.

    Example: kit shard train --name pcam --labels train_labels.csv --size 32
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.conversion import shard as shard_images
    from kit.conversion.build_part import ShardedPart
    from kit.errors import SpecError
    from kit.reports.parts import describe_sharded
    from kit.specs import parse_bands, parse_classes, parse_names, parse_size, parse_split

    shares = parse_split(split) if split else None
    if folds and shares and shares != "own" and len(shares) < 3:  # noqa: PLR2004 (train, validation, test)
        raise SpecError(
            f"--folds makes train and validation; give --split three shares for a test split, got '{split}'"
        )
    made = shard_images(
        source,
        name=name,
        recipe=recipe,
        metric=metric,
        competition=competition,
        labels=labels,
        id_column=id_column,
        path_column=path_column,
        label_column=label_column,
        target=target,
        separator=separator,
        no_tag=no_tag,
        class_from=class_from,
        classes=parse_classes(classes) if classes else None,
        class_names=parse_names(class_names) if class_names else None,
        merge_splits=merge_splits,
        ignore_splits=parse_names(ignore_splits) if ignore_splits else None,
        group=group,
        exclude=exclude,
        test=test,
        sample_submission=sample_submission,
        size=parse_size(size) if size else None,
        fit=fit,
        channels=channels,
        scale=scale,
        page=page,
        bands=parse_bands(bands) if bands else (),
        encoding=encoding,
        split=shares,
        folds=folds,
        undersample=undersample,
        per_class=per_class,
        near_bits=near_bits,
        seed=seed,
        max_rejects=max_rejects,
        workers=workers,
        part=part,
        engine=engine,
        address=address,
        index=index,
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if isinstance(made, ShardedPart):
        if json:
            print_json(made)
        else:
            print_line(describe_sharded(made))
        return
    if json:
        print_json(made.manifest)
        return
    _show(made, recipe=recipe, root=root)


def _show(dataset: Dataset, *, recipe: str | None, root: Path | None) -> None:
    """Print what a dataset holds, and the next command."""
    from kit.cli.console import print_line, print_tables
    from kit.reports.dataset import dataset_tables, remarks
    from kit.reports.labels import describe_labels, describe_metric
    from kit.specs import read_setting
    from kit.storage import shown

    manifest = dataset.manifest
    print_line(describe_labels(manifest.target, manifest.label_columns, manifest.source.spec))
    print_line(describe_metric(manifest.target, dataset.metric))
    print_tables(dataset_tables(dataset))
    for line in remarks(dataset):
        print_line(line)
    known = read_setting(recipe).data.classes if recipe else ()
    if known and known != dataset.manifest.classes:
        print_line(f"note: {recipe} is for the classes {', '.join(known)}")
    command = f"kit train {dataset.manifest.name}{f' --recipe {recipe}' if recipe else ''}"
    print_line(f"{shown(dataset.folder)}  next: {with_root(command, root)}")
