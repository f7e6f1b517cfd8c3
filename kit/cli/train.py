"""kit train."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.options import BATCH_SIZE, EPOCHS, LEARNING_RATE, Dataset, Json, Recipe, Root, Set, Verbose
from kit.specs.recipe import DEFAULT_RECIPE


def train(
    name: Dataset,
    recipe: Recipe = DEFAULT_RECIPE,
    epochs: Annotated[int | None, typer.Option(help=EPOCHS, show_default="the recipe's")] = None,
    batch_size: Annotated[int | None, typer.Option(help=BATCH_SIZE, show_default="the recipe's")] = None,
    learning_rate: Annotated[float | None, typer.Option(help=LEARNING_RATE, show_default="the recipe's")] = None,
    settings: Set = None,
    seed: Annotated[int, typer.Option(help="Of the initial weights and the order.")] = 0,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train one model; run it again after a crash and it goes on from its last epoch.

    Example: kit train pcam --epochs 5 --set model.bn_momentum=0.5
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.training import describe_run, summary_table
    from kit.specs import parse_assignments
    from kit.training import train as train_model

    run = train_model(
        name,
        recipe=recipe,
        settings=parse_assignments(settings or []),
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json({"run": run.path, "result": run.result()})
        return
    print_tables([summary_table(run)])
    for line in describe_run(run):
        print_line(line)
