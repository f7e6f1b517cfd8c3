"""kit train."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.options import Dataset, Json, Recipe, Root, Set, Verbose
from kit.specs.recipe import DEFAULT_RECIPE


def train(
    name: Dataset,
    recipe: Recipe = DEFAULT_RECIPE,
    settings: Set = None,
    seed: Annotated[int, typer.Option(help="Of the initial weights and the order.")] = 0,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train one model; run it again after a crash and it goes on from its last epoch.

    Example: kit train pcam --set model.bn_momentum=0.5 --set train.epochs=5
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.specs import parse_assignments
    from kit.training import train as train_model

    run = train_model(
        name,
        recipe=recipe,
        settings=parse_assignments(settings or []),
        seed=seed,
        root=root,
        progress=ConsoleProgress(),
    )
    result = run.result()
    if json:
        print_json({"run": run.path, "result": result})
        return
    print_line(
        f"{result.epochs} epochs, {result.parameters:,} parameters; best epoch {result.best_epoch or 'none'}: "
        + ", ".join(f"{metric} {'nan' if value is None else f'{value:.4f}'}" for metric, value in result.best.items())
    )
    print_line(f"{run.path}  next: kit evaluate {run.path.name}")
