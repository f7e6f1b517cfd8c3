"""kit fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kit.cli.options import Json, Root


def fetch(
    competition: Annotated[
        str | None,
        typer.Argument(
            metavar="COMPETITION", help="Slug of the competition, as in its address on Kaggle.", show_default=False
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Dataset on Kaggle to fetch instead of a competition.")
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(metavar="A,B", help="Files to fetch instead of all, as train.csv,test.csv; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to fetch to.", show_default="data/<competition>"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch again, and replace existing files.")] = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Fetch a competition's or a dataset's files from Kaggle, and suggest how to shard them.

    Example: kit fetch histopathologic-cancer-detection
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.files import size_text
    from kit.kaggle.fetch import fetch as fetch_files

    found = fetch_files(
        competition,
        dataset=dataset,
        files=[name for names in files or () for name in names.split(",")],
        output=output,
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(found)
        return
    state = "fetched" if found.is_new else "complete, nothing to fetch"
    print_line(f"{found.folder}: {found.files:,} files, {size_text(found.bytes)}: {state}")
    for remark in found.remarks:
        print_line(remark)
    if found.command:
        print_line(f"next: {found.command}")
