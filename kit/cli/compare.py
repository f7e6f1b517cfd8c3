"""kit compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import Html, Json, Root, Verbose
from kit.specs.settings import require

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
    split: Annotated[
        str,
        typer.Option(
            help="Also measure every run on this labelled split and on train, by its best weights.", show_default=False
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write comparison.csv, comparison.md and curves here.",
        ),
    ] = None,
    html: Html = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show what runs came to, arm by arm, beside what their recipe's authors published.

    Example: kit compare pcam-bn_position-1a2b3c4d --split test -o comparison --html
    """
    require(output is not None or not html, "--html needs a folder for report.html; add -o DIR")
    from kit.ablation import compare as compare_runs
    from kit.cli.console import ConsoleProgress

    comparison = compare_runs(*runs, split=split, root=root, progress=ConsoleProgress())
    show(comparison, output, as_json=json, html=html)


def show(comparison: Comparison, folder: Path | None, *, as_json: bool, html: bool = False) -> None:
    """Print a comparison, and write it to `folder` if there is one."""
    from kit.cli.console import print_json, print_line, print_tables
    from kit.reports.comparison import comparison_tables, remarks, write_comparison

    files = write_comparison(comparison, folder, html=html) if folder else []
    if as_json:
        print_json(
            {
                "arms": comparison.arms,
                "unfinished": comparison.unfinished,
                "remarks": comparison.remarks,
                "files": files,
            }
        )
        return
    print_tables(comparison_tables(comparison))
    for line in remarks(comparison):
        print_line(line)
    if folder:
        print_line(f"{folder}: {', '.join(path.name for path in files)}")
