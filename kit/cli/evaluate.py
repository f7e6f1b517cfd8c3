"""kit evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Json, Root, Run, Verbose, Weights, one_of

if TYPE_CHECKING:
    from kit.training.score import Weights as WeightsName


def evaluate(
    run: Run,
    split: Annotated[str, typer.Option(help="A labelled split.")] = "validation",
    weights: Weights = "best",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Where tables and pictures go.",
            show_default="in the run",
        ),
    ] = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure a run: confusion matrix, classification report and AUC.

    Example: kit evaluate RUN --split validation
    """
    one_of(weights, "--weights", "best", "last")
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.evaluation import evaluate as evaluate_run

    evaluation = evaluate_run(
        run,
        split=split,
        weights=cast("WeightsName", weights),
        root=root,
        progress=ConsoleProgress(),
    )
    files = evaluation.write(output or evaluation.folder)
    if json:
        print_json({"evaluation": evaluation, "files": files})
        return
    print_tables(evaluation.tables())
    print_line(f"{files[0].parent}: {', '.join(path.name for path in files)}")
