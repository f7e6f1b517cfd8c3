"""kit compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import Json, Root

if TYPE_CHECKING:
    from kit.ablation import Comparison


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS...",
            help="Runs, ablations, or JSON or CSV files of Keras histories; the first is the baseline.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write comparison.csv, comparison.md and curves here.",
        ),
    ] = None,
    root: Root = None,
    json: Json = False,
) -> None:
    """Show what runs came to, arm by arm.

    Example: kit compare pcam-bn_position-1a2b3c4d -o comparison
    """
    from kit.ablation import compare as compare_runs

    show(compare_runs(*runs, root=root), output, as_json=json)


def show(comparison: Comparison, folder: Path | None, *, as_json: bool) -> None:
    """Print a comparison, and write it to `folder` if there is one."""
    from kit.cli.console import print_json, print_line, print_tables
    from kit.reports.comparison import comparison_table, write_comparison

    files = write_comparison(comparison, folder) if folder else []
    if as_json:
        print_json({"arms": comparison.arms, "unfinished": comparison.unfinished, "files": files})
        return
    print_tables([comparison_table(comparison)])
    if comparison.unfinished:
        print_line(f"{len(comparison.unfinished)} unfinished runs were left out; run their command again")
    if folder:
        print_line(f"{folder}: {', '.join(path.name for path in files)}")
