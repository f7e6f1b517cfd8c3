"""kit find-lr."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.options import BATCH_SIZE, Cache, Dataset, Devices, Json, Precision, Recipe, Root, Set, Verbose
from kit.specs.recipe import DEFAULT_RECIPE


def find_lr(
    name: Dataset,
    recipe: Recipe = DEFAULT_RECIPE,
    batch_size: Annotated[int | None, typer.Option(help=BATCH_SIZE, show_default="the recipe's")] = None,
    settings: Set = None,
    precision: Precision = None,
    seed: Annotated[int, typer.Option(help="Seed for the initial weights and the order of images.")] = 0,
    devices: Devices = "auto",
    cache: Cache = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Try learning rates from 1e-7 to 10 for 100 steps, draw the losses, and suggest a rate; no run is created.

    Example: kit find-lr pcam
    """
    from kit.cli.console import ConsoleProgress, print_json, print_line
    from kit.reports.lr_range_test import write_range_test
    from kit.specs import parse_assignments
    from kit.training.lr_range_test import find_learning_rate
    from kit.training.request import with_short

    found = find_learning_rate(
        name,
        recipe=recipe,
        settings=with_short(parse_assignments(settings or []), batch_size=batch_size, precision=precision, cache=cache),
        seed=seed,
        devices=devices,
        root=root,
        progress=ConsoleProgress(),
    )
    picture, table = write_range_test(found)
    if json:
        files = {"test": found.test, "picture": picture, "table": table}
        print_json({"suggestion": found.test.suggestion, "found": files})
        return
    print_line(found.test.finding)
    print_line(f"{picture}, {table.name}")
