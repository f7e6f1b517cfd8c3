"""kit info."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import Dataset, Json, Root, Set

if TYPE_CHECKING:
    from kit.datasets import Dataset as ShardedDataset


def info(
    name: Dataset,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare every file with the manifest's checksum, and the manifest with every record."
        ),
    ] = False,
    preview: Annotated[Path | None, typer.Option(metavar="PNG", help="PNG to draw the first 20 images in.")] = None,
    chart: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="PNG to draw the images of each class in, before and after balancing."),
    ] = None,
    augmentation: Annotated[
        str | None,
        typer.Option(
            metavar="RECIPE", help="Recipe, RECIPE/ARM or .toml file; draws 8 train images above augmented versions."
        ),
    ] = None,
    settings: Set = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Show the contents of a dataset.

    Example: kit info pcam --verify --preview pcam.png
    """
    if augmentation and not preview:
        raise typer.BadParameter("give --preview PNG too, the file to draw it in", param_hint="--augmentation")
    if settings and not augmentation:
        raise typer.BadParameter("give --augmentation RECIPE too, whose settings it changes", param_hint="--set")
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.datasets import find_dataset, verify_dataset
    from kit.reports.dataset import dataset_tables, describe_images, remarks
    from kit.reports.labels import describe_labels, describe_metric

    dataset = find_dataset(name, root=root)
    if verify:
        verify_dataset(dataset, ConsoleProgress())
    _draw(dataset, preview, augmentation, settings or [], chart)
    if json:
        print_json(dataset.manifest)
        return
    print_tables(dataset_tables(dataset))
    manifest = dataset.manifest
    print_line(describe_labels(manifest.target, manifest.label_columns, manifest.source.spec))
    print_line(describe_metric(manifest.target, dataset.metric))
    print_line(describe_images(dataset))
    for line in remarks(dataset):
        print_line(line)
    if verify:
        print_line(f"all {len(dataset.manifest.shards)} shards are what was written")
    for what, path in (("preview", preview), ("chart", chart)):
        if path:
            print_line(f"{what}: {path}")


def _draw(
    dataset: ShardedDataset, preview: Path | None, augmentation: str | None, settings: list[str], chart: Path | None
) -> None:
    """Draw the requested pictures."""
    if preview and augmentation:
        from kit.reports.augmentation import write_augmentation
        from kit.specs import parse_assignments, read_setting

        setting = read_setting(augmentation, parse_assignments(settings))
        write_augmentation(dataset, setting.augment, preview)
    elif preview:
        from kit.reports.preview import write_preview

        write_preview(dataset, preview)
    if chart:
        from kit.reports.class_balance import write_class_counts

        write_class_counts(dataset, chart)
