"""kit ablate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.cli.options import (
    BATCH_SIZE,
    HEAD,
    LEARNING_RATE,
    Address,
    Against,
    Dataset,
    Engine,
    Html,
    Json,
    Part,
    Recipe,
    Root,
    Set,
    Verbose,
    read_against,
)
from kit.cli.status_line import WAITING
from kit.errors import require
from kit.specs.recipe import DEFAULT_RECIPE

if TYPE_CHECKING:
    from kit.ablation import Ablation, Plan
    from kit.ablation.retrain import Retrained
    from kit.comparison import Comparison
    from kit.engines import Part as Share

UNFINISHED = 4  # exit status when --max-hours ran out before the work was done
_AXES = "Settings to vary"


def ablate(
    name: Dataset,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="PATH=A,B", help="Settings to vary, as after --vary.")
    ] = None,
    bn_position: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Batch norm before or after the activation, or none.", rich_help_panel=_AXES),
    ] = None,
    bn_momentum: Annotated[
        str | None,
        typer.Option(
            "--bn-momentum",
            "--momentum",
            metavar="A,B",
            help="Momentum of batch norm's moving averages.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help='Optimizers by name, as adam,"lookahead(adamw)" or addons/LAMB.',
            rich_help_panel=_AXES,
        ),
    ] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(metavar="A,B", help=LEARNING_RATE, rich_help_panel=_AXES),
    ] = None,
    dropout: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Dropout rate in every block, and after hidden dense layers unless model.dense_dropout is set.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    kernel: Annotated[
        str | None, typer.Option(metavar="A,B", help="Side of the convolutions, pixels.", rich_help_panel=_AXES)
    ] = None,
    filters: Annotated[
        str | None,
        typer.Option(metavar="[A],[B]", help="Filters of each block, as [16,32],[32,64].", rich_help_panel=_AXES),
    ] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="A,B", help=BATCH_SIZE, rich_help_panel=_AXES)] = None,
    head: Annotated[str | None, typer.Option(metavar="A,B", help=HEAD, rich_help_panel=_AXES)] = None,
    augment: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="none, mirror, flips, d4, shifts, affine, colour, erasing, mixup, cutmix, or several as d4+colour; a"
            " recipe's by its name, or this recipe's own as recipe.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=A,B",
            help="Any other setting, as model.pool=2,3; may be repeated.",
            rich_help_panel=_AXES,
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each arm; equal seeds start from equal weights.")] = 3,
    design: Annotated[
        str,
        typer.Option(
            metavar="DESIGN",
            help="grid: every combination; one-at-a-time: one change from the recipe each; ladder: the recipe's own"
            " arms; random:N: N arms drawn at random; search:N: N arms proposed by the results of earlier ones.",
        ),
    ] = "grid",
    folds: Annotated[
        str,
        typer.Option(
            metavar="all|0,1", help="Validation folds, with a run for each fold and seed.", show_default=False
        ),
    ] = "",
    jobs: Annotated[
        str, typer.Option(metavar="auto|N", help="Trials at a time; auto times a few steps, and reports why.")
    ] = "auto",
    halving: Annotated[
        bool,
        typer.Option(
            "--halving", help="Prune arms by successive halving; the better third trains three times as long."
        ),
    ] = False,
    max_hours: Annotated[
        float, typer.Option(help="Stop before a session's limit; the same command resumes.", show_default="none")
    ] = math.inf,
    part: Part = None,
    engine: Engine = "local",
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the arms, their parameters and the estimated time; train nothing.")
    ] = False,
    then_retrain: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="Then retrain the K best arms, at --set data.size=S if given, and measure them on test.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Metric to compare arms by; any recorded one.", show_default="the dataset's"),
    ] = None,
    against: Against = "",
    html: Html = False,
    recipe: Recipe = DEFAULT_RECIPE,
    settings: Set = None,
    root: Root = None,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train every arm on every seed and compare; run it again to do the remaining work.

    Without settings to vary, the recipe's own arms are trained as published.

    Designs random and search take ranges too: --dropout 0..0.5, or on a log scale, --learning-rate log:1e-4..1e-1.

    Example: kit ablate pcam --bn-position before,after --momentum 0.99,0.25 --seeds 3
    """
    from kit.ablation import parse_axis, plan_ablation, run_plan
    from kit.cli.compare import show
    from kit.cli.live_table import LiveAblation
    from kit.comparison import compare as compare_runs
    from kit.engines import Part as Share
    from kit.engines import check_engine
    from kit.specs import parse_assignments

    trials, compared = _read_jobs(jobs), read_against(against)
    own = None if part is None else Share.parse(part)
    check_engine(engine, address, own)
    require(not (own and dry_run), f"--dry-run lists the arms of all parts; leave --part {part} out")
    named = {
        "model.bn_position": bn_position,
        "model.bn_momentum": bn_momentum,
        "train.optimizer": optimizer,
        "train.learning_rate": learning_rate,
        "model.dropout": dropout,
        "model.kernel": kernel,
        "model.filters": filters,
        "train.batch_size": batch_size,
        "model.head": head,
        "augment": augment,
    }
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
        folds=folds,
        design=design,
        root=root,
    )
    judged = plan.figure(metric)
    if dry_run:
        _show_forecast(plan, trials, as_json=json)
        return
    if then_retrain is not None:
        from kit.ablation.retrain import check_retrain

        check_retrain(plan, then_retrain, images)
    live = LiveAblation()
    ran = run_plan(
        plan,
        jobs=trials,
        halving=halving,
        max_hours=max_hours,
        part=own,
        engine=engine,
        address=address,
        progress=live,
        watch=live.watch,
    )
    if own:
        _show_part(ran, own, as_json=json)
        _end_if_left(ran, len(plan.share(own)))
        return
    if any(plan.folder.rglob("result.json")):
        is_last = then_retrain is None or bool(ran.left)
        found = compare_runs(plan.folder, metric=judged, against=compared, root=root)
        show(found, plan.folder / "comparison", as_json=json and is_last, html=html)
    _end_if_left(ran, plan.possible * plan.runs_per_arm)
    if then_retrain is not None:
        from kit.ablation.retrain import retrain_best
        from kit.cli.console import ConsoleProgress

        retrained = retrain_best(
            ran.plan,
            then_retrain,
            images,
            jobs=trials,
            engine=engine,
            address=address,
            root=root,
            progress=ConsoleProgress(),
        )
        _show_retrained(retrained, found, plan.folder / "comparison", root=root, as_json=json, html=html)


def _end_if_left(ran: Ablation, runs: int) -> None:
    """End with the exit status of unfinished work, if any of the runs are left."""
    if ran.left:
        WAITING.end()
        typer.echo(f"{ran.left} of {runs} runs are left; run the same command again and they go on", err=True)
        raise typer.Exit(UNFINISHED)


def _show_part(ran: Ablation, part: Share, *, as_json: bool) -> None:
    from kit.cli.console import print_json, print_line
    from kit.reports.parts import describe_trained

    runs = [ran.plan.directory(key) for key in ran.plan.share(part)]
    if as_json:
        print_json({"ablation": ran.path, "part": str(part), "runs": [run.path for run in runs], "left": ran.left})
        return
    print_line(describe_trained(part, runs, failed=len(ran.failed), elsewhere=ran.elsewhere))


def _read_jobs(text: str) -> int | None:
    from kit.ablation.packing import check_jobs

    require(text == "auto" or text.lstrip("-").isdecimal(), f"--jobs must be auto or a number, got '{text}'")
    jobs = None if text == "auto" else int(text)
    check_jobs(jobs)
    return jobs


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


def _show_retrained(
    retrained: Retrained, comparison: Comparison, folder: Path, *, root: Path | None, as_json: bool, html: bool
) -> None:
    """Measure the retrained arms, and add them to the ablation's comparison."""
    from kit.ablation.retrained_splits import measure_retrained
    from kit.cli.console import ConsoleProgress, print_json, print_line, print_tables
    from kit.reports.comparison import write_comparison
    from kit.reports.retrained import retrained_appendix

    arms = measure_retrained(retrained, root=root, progress=ConsoleProgress())
    appendix = retrained_appendix(retrained, arms)
    write_comparison(comparison, folder, html=html, more=[appendix])
    file = folder / f"{appendix.name}.csv"
    if as_json:
        print_json({"arms": arms, "file": file})
        return
    print_tables([appendix.shown])
    print_line(str(file))
