"""kit info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.cli.options import Dataset, Json, Root


def info(
    name: Dataset,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every shard with the manifest's checksum.")] = False,
    preview: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the first 20 images here.")] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Show what a dataset holds.

    Example: kit info pcam --verify --preview pcam.png
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.dataset import dataset_tables, describe_images, remarks
    from kit.shards import find_dataset, verify_dataset

    dataset = find_dataset(name, root=root)
    if verify:
        verify_dataset(dataset, ConsoleProgress())
    if preview:
        from kit.reports.preview import write_preview

        write_preview(dataset, preview)
    if json:
        print_json(dataset.manifest)
        return
    print_tables(dataset_tables(dataset))
    print_line(describe_images(dataset))
    for line in remarks(dataset):
        print_line(line)
    if verify:
        print_line(f"all {len(dataset.manifest.shards)} shards are what was written")
    if preview:
        print_line(f"preview: {preview}")
