"""kit train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import (
    BATCH_SIZE,
    EPOCHS,
    HEAD,
    LEARNING_RATE,
    RECIPE,
    Address,
    Cache,
    Dataset,
    Devices,
    Engine,
    Json,
    Part,
    Precision,
    Root,
    Set,
    Verbose,
)
from kit.specs.recipe import DEFAULT_RECIPE
from kit.specs.train import CHECKPOINT_MINUTES
from kit.workspace import with_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.engines import Part as Share
    from kit.runs import FoldSet


def train(
    name: Dataset,
    recipe: Annotated[str | None, typer.Option(help=RECIPE, show_default=DEFAULT_RECIPE)] = None,
    epochs: Annotated[int | None, typer.Option(help=EPOCHS, show_default="the recipe's")] = None,
    batch_size: Annotated[int | None, typer.Option(help=BATCH_SIZE, show_default="the recipe's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help=LEARNING_RATE, show_default="the recipe's")] = None,
    head: Annotated[str | None, typer.Option(help=HEAD, show_default="the target's")] = None,
    settings: Set = None,
    precision: Precision = None,
    seed: Annotated[int, typer.Option(help="Seed for the initial weights and the order of images.")] = 0,
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="all|0,2",
            help="Train a run for each fold, and join what they predict out-of-fold.",
            show_default="the dataset's own split",
        ),
    ] = None,
    part: Part = None,
    engine: Engine = "local",
    address: Address = None,
    devices: Devices = "auto",
    distribute: Annotated[
        str | None,
        typer.Option(
            metavar="multiworker",
            help="Train one model on the machines that TF_CONFIG names; give each the same command.",
            show_default="this machine alone",
        ),
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Minutes between checkpoints within an epoch; each epoch's end has one.")
    ] = CHECKPOINT_MINUTES,
    cache: Cache = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train one model; after a crash the same command resumes it.

    Example: kit train pcam --epochs 5 --set model.bn_momentum=0.5
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.datasets import find_dataset
    from kit.engines import LOCAL, check_engine
    from kit.engines import Part as Share
    from kit.errors import require
    from kit.reports.training import describe_run, summary_table
    from kit.specs import parse_assignments
    from kit.training.cross_validation import parse_folds, train_folds_as_asked
    from kit.training.request import TrainRequest
    from kit.training.train import train_as_asked

    request = TrainRequest(
        name=name,
        recipe=recipe,
        settings=parse_assignments(settings or []),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        precision=precision,
        cache=cache,
        head=head,
        seed=seed,
        devices=devices,
        distribute=distribute,
        checkpoint_minutes=checkpoint_minutes,
        root=root,
    )
    own = None if part is None else Share.parse(part)
    require(not own or folds is not None, f"--part {part} divides folds; give --folds all, or leave it out")
    if own and folds is not None:
        fold_set = train_folds_as_asked(request, folds, ConsoleProgress(), part=own, engine=engine, address=address)
        _show_part(fold_set, own.share(parse_folds(find_dataset(name, root=root), folds)), own, as_json=json)
        return
    if folds is not None:
        trained = train_folds_as_asked(request, folds, ConsoleProgress(), engine=engine, address=address)
        show_folds(trained, root=root, as_json=json)
        return
    check_engine(engine, address)
    require(engine == LOCAL, "--engine ray trains folds, one on each machine; add --folds all")
    run = train_as_asked(request, ConsoleProgress())
    if json:
        print_json({"run": run.path, "result": run.result() if run.is_finished else None})
        return
    if not run.is_finished:  # it is on the chief's disk
        print_line("this machine has done its share; the run is in the chief's runs folder")
        return
    print_tables([summary_table(run)])
    for line in describe_run(run, root):
        print_line(line)


def show_folds(fold_set: FoldSet, *, root: Path | None, as_json: bool) -> None:
    """Print the results of the folds."""
    from kit.cli.console import print_json, print_line, print_tables
    from kit.reports.fold_table import fold_doubts, fold_table

    result = fold_set.result()
    if as_json:
        print_json({"folds": fold_set.path, "result": result})
        return
    print_tables([fold_table(result)])
    print_line(f"{fold_set.predictions}  next: {with_root(f'kit evaluate {fold_set.path.name}', root)}")
    for line in fold_doubts(fold_set):
        print_line(line)


def _show_part(fold_set: FoldSet, folds: Sequence[int], part: Share, *, as_json: bool) -> None:
    """Print how many folds of a part are finished."""
    from kit.cli.console import print_json, print_line
    from kit.reports.parts import describe_trained

    runs = [fold_set.run(fold) for fold in folds]
    if as_json:
        print_json({"folds": fold_set.path, "part": str(part), "runs": [run.path for run in runs]})
        return
    print_line(describe_trained(part, runs, elsewhere=sum(not run.is_finished for run in runs)))
