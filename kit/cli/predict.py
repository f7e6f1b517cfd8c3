"""kit predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Force, Json, Part, Root, Runs, Tta, Verbose, Weights, one_of

if TYPE_CHECKING:
    from kit.specs.train import Weights as WeightsName


def predict(
    runs: Runs,
    split: Annotated[str, typer.Option(help="Split to predict.")] = "test",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="CSV",
            help="File to write.",
            show_default="submissions/<run>.csv",
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="P|GOAL",
            help="Write classes: the second of two from this probability on, or from one chosen by best-f1,"
            " best-accuracy or recall:0.95 on images that no run was trained on.",
        ),
    ] = None,
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="none|P|best",
            help="Rule for decisions of any target: its own, one probability for two classes or all tags, or the one"
            " that scores best by the dataset's metric on images that no run was trained on.",
            show_default="none",
        ),
    ] = None,
    tta: Tta = None,
    weights: Weights = None,
    part: Part = None,
    force: Force = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write a submission with the sample submission's ids, order and columns; runs and views are averaged.

    Example: kit predict RUN -o submissions/first.csv
    """
    if weights is not None:
        one_of(weights, "--weights", "best", "last")
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.reports.parts import describe_predicted
    from kit.reports.submission import describe_files, describe_submission
    from kit.submission import predict as predict_split
    from kit.submission.predict import PredictedPart

    submission = predict_split(
        *runs,
        split=split,
        output=output,
        threshold=threshold,
        decide=decide,
        tta=tta,
        weights=cast("WeightsName | None", weights),
        part=part,
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json(submission)
        return
    if isinstance(submission, PredictedPart):
        print_line(describe_predicted(submission))
        return
    for line in describe_submission(submission):
        print_line(line)
    print_line(describe_files(submission))
