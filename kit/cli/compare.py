"""kit compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import Against, Html, Json, Root, Verbose, read_against
from kit.errors import require

if TYPE_CHECKING:
    from kit.comparison import Comparison

_ROWS = 40  # arms on the screen; files have all


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS",
            help="Runs, ablations, or JSON or CSV files of Keras histories; runs of equal settings form an arm.",
        ),
    ],
    split: Annotated[
        str,
        typer.Option(
            help="Also measure every run on this labelled split and on train, with its train.evaluate weights.",
            show_default=False,
        ),
    ] = "",
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric to compare arms by, as val_auc or qwk; unrecorded ones are computed from stored predictions.",
            show_default="the dataset's",
        ),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(metavar="ARM", help="Arm to compare the others with.", show_default="the first planned"),
    ] = "",
    against: Against = "",
    across_datasets: Annotated[
        bool, typer.Option("--across-datasets", help="Compare runs of different datasets anyway.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write tables (CSV, Markdown, LaTeX) and pictures here.",
        ),
    ] = None,
    html: Html = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Compare the results of runs, arm by arm, and test whether any is better than the baseline.

    Example: kit compare pcam-bn_position-1a2b3c4d --metric val_loss --split test -o comparison --html
    """
    require(output is not None or not html, "--html needs a folder for report.html; add -o DIR")
    from kit.cli.console import ConsoleProgress
    from kit.comparison import compare as compare_runs

    comparison = compare_runs(
        *runs,
        metric=metric,
        baseline=baseline,
        against=read_against(against),
        split=split,
        across_datasets=across_datasets,
        root=root,
        progress=ConsoleProgress(),
    )
    show(comparison, output, as_json=json, html=html)


def show(comparison: Comparison, folder: Path | None, *, as_json: bool, html: bool = False) -> None:
    """Print a comparison, and write it to `folder` if given."""
    from kit.cli.console import print_json, print_line, print_tables
    from kit.reports.caveats import comparison_remarks
    from kit.reports.comparison import comparison_tables, remarks, write_comparison

    files = write_comparison(comparison, folder, html=html) if folder else []
    if as_json:
        print_json(
            {
                "metric": comparison.metric,
                "baseline": comparison.baseline,
                "arms": comparison.arms,
                "images": comparison.images,
                "factors": comparison.factors,
                "left_out": comparison.left_out,
                "unfinished": comparison.unfinished,
                "remarks": comparison_remarks(comparison),
                "files": files,
            }
        )
        return
    print_tables(comparison_tables(comparison, most=_ROWS))
    for line in remarks(comparison):
        print_line(line)
    if len(comparison.arms) > _ROWS:
        print_line(f"{len(comparison.arms) - _ROWS:,} more arms: see comparison.csv{'' if folder else ', with -o DIR'}")
    if folder:
        print_line(f"{folder}: {', '.join(path.name for path in files)}")
