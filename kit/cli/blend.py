"""kit blend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Force, Json, Root

if TYPE_CHECKING:
    from kit.reports.table import Table
    from kit.submission.blend_weights import By, Fit

_WIDTH = 70  # columns; leaves room for a weight and a score on a terminal of 100


def blend(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CSVS",
            help="CSVs from kit predict of the same ids; without any, --oof prints weights only.",
        ),
    ] = None,
    average: Annotated[
        str,
        typer.Option(
            metavar="probability|rank|vote",
            help="Average the values, each column's ranks, or what the files decide.",
        ),
    ] = "probability",
    weights: Annotated[
        str | None, typer.Option(metavar="A,B", help="One for each CSV, as 2,1.", show_default="equal")
    ] = None,
    oof: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OOF",
            help="Fit weights on these out-of-fold predictions, one for each CSV: a fold set, its folder from kit"
            " evaluate, or a Parquet file.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Metric to fit weights for: loss, auc, or any other that fits.",
            show_default="the dataset's; else loss, auc by rank",
        ),
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="none|P|best",
            help="Rule for decisions: the target's own, one probability, or the best on --oof.",
            show_default="none",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="CSV", help="File to write.", show_default="submissions/blend.csv"),
    ] = None,
    force: Force = False,
    root: Root = None,
    json: Json = False,
) -> None:
    """Blend CSVs of predictions into one, with equal, given or fitted weights.

    Example: kit blend a.csv b.csv --oof RUNS_A --oof RUNS_B -o submissions/blend.csv
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.submission import blend as blend_files

    made = blend_files(
        *(files or []),
        average=cast("By", average),
        weights=weights,
        oof=oof or [],
        metric=metric,
        decide=decide,
        output=output,
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(made)
        return
    if made.fit:
        names = [str(file) for file in files] if files else [_short(name) for name in oof or []]
        print_tables([_table(made.fit, names)])
        if not made.fit.is_better:
            print_line("the fitted weights are no better than equal ones or the best input alone: prefer those")
    if made.path:
        shares = ", ".join(f"{share:.4g}" for share in made.weights)
        print_line(f"{made.path}: {made.rows:,} rows, columns {', '.join(made.columns)}; weights {shares}")


def _short(name: str) -> str:
    """Split a folder in a fold set over two lines, as both names are long."""
    return name if len(name) <= _WIDTH else name.replace("/", "/\n")


def _table(fit: Fit, names: list[str]) -> Table:
    """Build the table of the fit: each input with its weight, and the blends."""
    from kit.reports.table import NOTHING, Table

    inputs = zip(names, fit.weights, fit.inputs, strict=True)
    rows = (
        *((name, f"{weight:.2f}", f"{score:.4f}") for name, weight, score in inputs),
        ("blend, equal weights", NOTHING, f"{fit.equal:.4f}"),
        ("blend, weights fitted without each fold", NOTHING, f"{fit.blend:.4f}"),
    )
    title = f"out-of-fold, {fit.images:,} images in {fit.folds} folds"
    return Table(title, ("", "weight", "AUC" if fit.metric == "auc" else fit.metric), rows)
