"""kit export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Force, Json, Root, Run, Verbose, Weights, one_of

if TYPE_CHECKING:
    from kit.specs.train import Weights as WeightsName


def export(
    run: Run,
    formats: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="keras: model.keras for plain Keras 3; saved_model: for TensorFlow Serving, takes the bytes of JPEGs"
            " and PNGs too; onnx: for ONNX Runtime, needs the extra onnx.",
            show_default="keras,saved_model",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write.", show_default="in the run"),
    ] = None,
    weights: Weights = None,
    force: Force = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Export a run's model with the preprocessing inside, to serve on raw images without kit.

    Example: kit export RUN --formats keras,saved_model,onnx
    """
    if weights is not None:
        one_of(weights, "--weights", "best", "last")
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.exports import export as export_run
    from kit.reports.export import describe_export, export_table

    exported = export_run(
        run,
        formats=None if formats is None else [name.strip() for name in formats.split(",")],
        output=output,
        weights=cast("WeightsName | None", weights),
        force=force,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json({"folder": exported.folder, "paths": exported.paths, "info": exported.info})
        return
    if not exported.is_new:
        print_line(f"{exported.folder}: the same run by the same weights, nothing to export")
    print_tables([export_table(exported)])
    for line in describe_export(exported):
        print_line(line)
