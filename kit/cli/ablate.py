"""kit ablate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from kit.cli.options import Dataset, Json, Recipe, Root, Set, Verbose, one_of
from kit.specs.recipe import DEFAULT_RECIPE

if TYPE_CHECKING:
    from kit.ablation import Plan
    from kit.ablation.grid import Design


def ablate(
    name: Dataset,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH=A,B]...", help="Settings to vary, as after --vary.")
    ] = None,
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the arms, their parameters and the estimated time; train nothing.")
    ] = False,
    then_retrain: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Then train the K best arms again, at --set data.size=S if given, and measure them on test.",
        ),
    ] = None,
    recipe: Recipe = DEFAULT_RECIPE,
    settings: Set = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train every arm on every seed and compare; run it again and it does what is left.

    Without settings to vary, the recipe's own arms are trained as they were published.

    Example: kit ablate pcam --bn-position before,after --momentum 0.99,0.25 --seeds 3
    """
    from kit.ablation import compare, parse_axis, plan_ablation, run_plan
    from kit.cli.compare import show
    from kit.cli.console import ConsoleProgress
    from kit.specs import parse_assignments

    one_of(design, "--design", "grid", "one-at-a-time")
    named = {"model.bn_position": bn_position, "model.bn_momentum": momentum}
    axes = [parse_axis(path, values) for path, values in named.items() if values is not None]
    axes += [parse_axis(path, values) for path, values in parse_assignments([*(vary or []), *(more or [])]).items()]
    changes = parse_assignments(settings or [])
    images = {path: value for path, value in changes.items() if path.startswith("data.") and then_retrain is not None}
    plan = plan_ablation(
        name,
        axes,
        recipe=recipe,
        settings={path: value for path, value in changes.items() if path not in images},
        seeds=seeds,
        design=cast("Design", design),
        jobs=jobs,
        root=root,
    )
    if dry_run:
        _show_forecast(plan, jobs, as_json=json)
        return
    if then_retrain is not None:
        from kit.ablation.retrain import check_retrain

        check_retrain(plan, then_retrain, images)
    run_plan(plan, jobs=jobs, progress=ConsoleProgress())
    show(compare(plan.folder, root=root), plan.folder / "comparison", as_json=json and then_retrain is None)
    if then_retrain is not None:
        _retrain(plan, then_retrain, images, jobs=jobs, root=root, as_json=json)


def _show_forecast(plan: Plan, jobs: int | None, *, as_json: bool) -> None:
    from kit.ablation.forecast import forecast
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.forecast import describe_forecast, forecast_tables

    made = forecast(plan, jobs=jobs, progress=ConsoleProgress())
    if as_json:
        print_json({"forecast": made, "refused": plan.refused})
        return
    print_tables(forecast_tables(made, plan))
    print_line(describe_forecast(made))


def _retrain(
    plan: Plan, count: int, images: dict[str, str], *, jobs: int | None, root: Path | None, as_json: bool
) -> None:
    from kit.ablation.retrain import retrain_best
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.files import write_whole
    from kit.reports.retrained import exact_table, measure_retrained, retrained_table

    progress = ConsoleProgress()
    retrained = retrain_best(plan, count, images, jobs=jobs, root=root, progress=progress)
    arms = measure_retrained(retrained, root=root, progress=progress)
    table = retrained_table(retrained, arms)
    file = retrained.folder / "retrained.csv"
    write_whole(file, exact_table(arms).csv())
    if as_json:
        print_json({"arms": arms, "file": file})
        return
    print_tables([table])
    print_line(str(file))
