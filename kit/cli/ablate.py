"""kit ablate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Dataset, Json, Recipe, Root, Set, Verbose, one_of
from kit.specs.recipe import DEFAULT_RECIPE

if TYPE_CHECKING:
    from kit.ablation.grid import Design


def ablate(
    name: Dataset,
    bn_position: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Batch norm before or after the activation, or none."),
    ] = None,
    momentum: Annotated[
        str | None, typer.Option(metavar="A,B", help="Momentum of batch norm's moving averages.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=A,B",
            help="Any other setting, as train.batch_size=32,64; may be repeated.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each arm; arms with equal seeds begin equal.")] = 3,
    design: Annotated[
        str,
        typer.Option(
            metavar="grid|one-at-a-time",
            help="Every combination, or one change from the recipe each.",
        ),
    ] = "grid",
    jobs: Annotated[
        int | None,
        typer.Option(help="Trials at a time.", show_default="one a core, or one with a GPU"),
    ] = None,
    recipe: Recipe = DEFAULT_RECIPE,
    settings: Set = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train every arm on every seed and compare; run it again and it does what is left.

    Example: kit ablate pcam --bn-position before,after --momentum 0.99,0.25 --seeds 3
    """
    from kit.ablation import ablate as run_ablation
    from kit.ablation import compare, parse_axis
    from kit.cli.compare import show
    from kit.cli.console import ConsoleProgress
    from kit.specs import parse_assignments

    one_of(design, "--design", "grid", "one-at-a-time")
    named = {"model.bn_position": bn_position, "model.bn_momentum": momentum}
    axes = [parse_axis(path, values) for path, values in named.items() if values is not None]
    axes += [parse_axis(path, values) for path, values in parse_assignments(vary or []).items()]
    folder = run_ablation(
        name,
        axes,
        recipe=recipe,
        settings=parse_assignments(settings or []),
        seeds=seeds,
        design=cast("Design", design),
        jobs=jobs,
        root=root,
        progress=ConsoleProgress(),
    )
    show(compare(folder, root=root), folder / "comparison", as_json=json)
