"""kit evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Html, Json, Root, Runs, Tta, Verbose, Weights, one_of
from kit.errors import require

if TYPE_CHECKING:
    from kit.specs.train import Weights as WeightsName


def evaluate(
    runs: Runs,
    split: Annotated[str, typer.Option(help="A labelled split.")] = "validation",
    weights: Weights = None,
    tta: Tta = None,
    recall: Annotated[
        float | None,
        typer.Option(help="Recall to reach with the highest possible threshold, as 0.98."),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(
            metavar="CLASS",
            help="Positive class of --recall, curves and calibration.",
            show_default="the second of two",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="METRICS",
            help="Metrics to compute, as qwk,mae, or one's own, as score.py:function.",
            show_default="the dataset's and the target's usual ones",
        ),
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="none|NUMBER|best",
            help="Decide by one threshold, or by what scores best on images that no run was trained on.",
            show_default="none",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Compare subgroups: class, group, a column of the label file, or FILE.csv:COLUMN.",
            show_default="none",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for tables and pictures.",
            show_default="in the run, or the folder of runs",
        ),
    ] = None,
    html: Html = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate one or several runs: confusion matrix, curves, calibration, a threshold, and misclassified images.

    Runs on folds are evaluated out-of-fold. Example: kit evaluate RUN --split test --recall 0.98 --html
    """
    if weights is not None:
        one_of(weights, "--weights", "best", "last")
    require(output is not None or len(runs) == 1, "several runs have no folder of their own for tables; add -o DIR")
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.evaluation.evaluate import evaluate as evaluate_run
    from kit.reports.evaluation import evaluation_remarks, shown_tables, write_evaluation

    evaluation = evaluate_run(
        *runs,
        split=split,
        weights=cast("WeightsName | None", weights),
        tta=tta,
        recall=recall,
        positive=positive,
        metric=metric,
        decide=decide,
        by=by,
        root=root,
        progress=ConsoleProgress(),
    )
    files = write_evaluation(evaluation, output or evaluation.folder, html=html)
    if json:
        print_json({"evaluation": evaluation.figures(), "files": files})
        return
    print_tables(shown_tables(evaluation))
    for line in evaluation_remarks(evaluation):
        print_line(line)
    print_line(f"{files[0].parent}: {', '.join(path.name for path in files)}")
