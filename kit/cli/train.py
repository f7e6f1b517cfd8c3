"""kit train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.cli.options import BATCH_SIZE, EPOCHS, LEARNING_RATE, RECIPE, Cache, Dataset, Json, Root, Set, Verbose
from kit.errors import require
from kit.specs.recipe import DEFAULT_RECIPE
from kit.specs.train import CHECKPOINT_MINUTES
from kit.workspace import with_root

if TYPE_CHECKING:
    from kit.runs import FoldSet


def train(
    name: Dataset,
    recipe: Annotated[str | None, typer.Option(help=RECIPE, show_default=DEFAULT_RECIPE)] = None,
    epochs: Annotated[int | None, typer.Option(help=EPOCHS, show_default="the recipe's")] = None,
    batch_size: Annotated[int | None, typer.Option(help=BATCH_SIZE, show_default="the recipe's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help=LEARNING_RATE, show_default="the recipe's")] = None,
    settings: Set = None,
    precision: Annotated[
        str | None,
        typer.Option(metavar="float32|mixed_float16|mixed_bfloat16", help="That the model computes in."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the initial weights and the order.")] = 0,
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="all|0,2",
            help="Train a run for each fold, and join what they predict out-of-fold.",
            show_default="the dataset's own split",
        ),
    ] = None,
    devices: Annotated[
        str, typer.Option(metavar="auto|cpu|cpu:N|gpu:0,1", help="To train on; several share each batch.")
    ] = "auto",
    checkpoint_minutes: Annotated[
        float, typer.Option(help="Between checkpoints within an epoch; each epoch's end has one.")
    ] = CHECKPOINT_MINUTES,
    cache: Cache = None,
    find_lr: Annotated[
        bool,
        typer.Option("--find-lr", help="Try learning rates from 1e-7 to 10 for 100 steps instead, and suggest one."),
    ] = False,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train one model; run it again after a crash and it goes on where it was.

    Example: kit train pcam --epochs 5 --set model.bn_momentum=0.5
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.training import describe_run, summary_table
    from kit.specs import parse_assignments
    from kit.training import train as train_model
    from kit.training import train_folds
    from kit.training.train import with_short

    changes, progress = parse_assignments(settings or []), ConsoleProgress()
    if find_lr:
        require(folds is None, "--find-lr tries rates on the dataset's own split; leave --folds out")
        require(epochs is None, "--find-lr takes a hundred steps; leave --epochs out")
        require(learning_rate is None, "--find-lr tries rates of its own; leave --learning-rate out")
        shortened = with_short(changes, batch_size=batch_size, precision=precision, cache=cache)
        show_rates(
            name,
            recipe=recipe or DEFAULT_RECIPE,
            settings=shortened,
            seed=seed,
            devices=devices,
            root=root,
            as_json=json,
        )
        return
    options: dict[str, Any] = {
        "recipe": recipe,
        "settings": changes,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "cache": cache,
        "seed": seed,
        "devices": devices,
        "checkpoint_minutes": checkpoint_minutes,
        "root": root,
        "progress": progress,
    }
    if folds is not None:
        show_folds(train_folds(name, folds, **options), root=root, as_json=json)
        return
    run = train_model(name, **options)
    if json:
        print_json({"run": run.path, "result": run.result()})
        return
    print_tables([summary_table(run)])
    for line in describe_run(run, root):
        print_line(line)


def show_folds(fold_set: FoldSet, *, root: Path | None, as_json: bool) -> None:
    """Print what the folds came to."""
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


def show_rates(
    name: str, *, recipe: str, settings: dict[str, object], seed: int, devices: str, root: Path | None, as_json: bool
) -> None:
    """Try learning rates, and print what was seen."""
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.reports.lr_range_test import find_learning_rate

    found = find_learning_rate(
        name, recipe=recipe, settings=settings, seed=seed, devices=devices, root=root, progress=ConsoleProgress()
    )
    if as_json:
        print_json({"suggestion": found.test.suggestion, "found": found})
        return
    print_line(found.test.finding)
    print_line(f"{found.picture}, {found.table.name}")
