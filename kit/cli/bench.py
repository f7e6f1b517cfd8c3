"""kit bench."""

from __future__ import annotations

from typing import Annotated

import typer

from kit.cli.options import Cache, Dataset, Json, Recipe, Root, Set, Verbose
from kit.specs.recipe import DEFAULT_RECIPE


def bench(
    name: Dataset,
    recipe: Recipe = DEFAULT_RECIPE,
    settings: Set = None,
    cache: Cache = None,
    seconds: Annotated[float, typer.Option(help="Seconds of measuring, without start-up.")] = 12.0,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure input, model and both together on this machine, and name the bottleneck of a training.

    Example: kit bench xray --recipe chest-xray-transfer --cache none
    """
    from kit.benchmark import bench as measure
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.speeds import advise, describe_bottleneck, speeds_table
    from kit.specs import parse_assignments
    from kit.training.request import with_short

    speeds = measure(
        name,
        recipe=recipe,
        settings=with_short(parse_assignments(settings or []), cache=cache),
        seconds=seconds,
        root=root,
        progress=ConsoleProgress(),
    )
    if json:
        print_json({"speeds": speeds, "slowdown": speeds.slowdown, "bottleneck": speeds.bottleneck})
        return
    print_tables([speeds_table(speeds)])
    print_line(describe_bottleneck(speeds))
    print_line(advise(speeds))
