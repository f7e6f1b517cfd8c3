"""kit shard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.cli.options import Force, Json, Root


def shard(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Class folders, or the images that --labels names."),
    ],
    name: Annotated[str, typer.Option(help="Name of the dataset to write in tfrecords/.")],
    labels: Annotated[Path | None, typer.Option(metavar="CSV", help="File of ids and labels.")] = None,
    id_column: Annotated[str, typer.Option(help="Its column of ids, with or without file endings.")] = "id",
    label_column: Annotated[str, typer.Option(help="Its column of labels.")] = "label",
    test: Annotated[Path | None, typer.Option(metavar="DIR", help="Unlabelled test images.")] = None,
    sample_submission: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Whose ids order the test images.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="S|HxW", help="Crop and resize every image; else each keeps its own size."),
    ] = None,
    channels: Annotated[int, typer.Option(help="3 for RGB, 1 for grey.")] = 3,
    split: Annotated[str, typer.Option(help="Percent train/validation, or train/validation/test.")] = "70/30",
    seed: Annotated[int, typer.Option(help="Of the split and the order.")] = 0,
    max_bad: Annotated[
        int, typer.Option(help="Inputs that may go to rejects.csv instead of stopping the command.")
    ] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes; the bytes do not depend on it.", show_default="one a core"),
    ] = None,
    force: Force = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Turn class folders, or a label file and its images, into sharded TFRecords.

    Example: kit shard train --name pcam --labels train_labels.csv --size 32
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.dataset import dataset_tables
    from kit.shards import shard as shard_images
    from kit.specs import parse_size, parse_split

    dataset = shard_images(
        source,
        name=name,
        labels=labels,
        id_column=id_column,
        label_column=label_column,
        test=test,
        sample_submission=sample_submission,
        size=parse_size(size) if size else None,
        channels=channels,
        split=parse_split(split),
        seed=seed,
        max_bad=max_bad,
        workers=workers,
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(dataset.manifest)
        return
    print_tables(dataset_tables(dataset))
    if dataset.manifest.rejects:
        print_line(f"{dataset.manifest.rejects} inputs were not stored; {dataset.folder / 'rejects.csv'} says why")
    print_line(f"{dataset.folder}  next: kit train {name}")
