"""Runs ablations, several trials at a time; the run directories are the only state."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kit.ablation.ablation import Ablation
from kit.ablation.arms import Axis, Design
from kit.ablation.cluster_packing import choose_cluster_packing
from kit.ablation.packing import Packing, check_jobs, choose_packing
from kit.ablation.plan import Plan, plan_ablation
from kit.ablation.scheduler import Session
from kit.ablation.status import AblationStatus
from kit.arguments import checked_arguments
from kit.datasets.dataset import MANIFEST
from kit.engines import Engine, Part, Ray, check_engine, new_cluster
from kit.errors import option, require
from kit.locks import alone, locked, locked_part
from kit.progress import NO_PROGRESS, Progress
from kit.runs.stored import fetch_runs, upload_runs
from kit.specs.recipe import DEFAULT_RECIPE
from kit.storage import fetch_note, keep_note

_HOUR = 3600.0  # seconds


@checked_arguments
def ablate(
    name: str,
    axes: Sequence[Axis] = (),
    *,
    recipe: str = DEFAULT_RECIPE,
    settings: Mapping[str, object] | None = None,
    seeds: int = 3,
    folds: str | Sequence[int] = (),
    design: Design | str = "grid",
    jobs: int | None = None,
    halving: bool = False,
    max_hours: float = math.inf,
    part: str | None = None,
    engine: str = "local",
    address: str | None = None,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Ablation:
    """Train every arm on every seed.

    Finished runs are kept and unfinished ones resume from their last epoch, so a call after a crash, or with
    more seeds, does only the remaining work. Arms that cannot be built are left out, and ablation.json says why; a run
    that fails leaves its reason in failure.json and is tried again by the next call.

    Args:
        name: Name of a dataset in tfrecords/.
        axes: Settings to vary; none runs the recipe's own arms, as published.
        recipe: Settings for the arms to change: a shipped recipe, the path of a .toml file, or an arm of either as
            RECIPE/ARM.
        settings: Changes to the recipe for all arms, by dotted path.
        seeds: Number of seeds of each arm, counted from 0; arms with equal seeds start from equal weights and see equal
            batches.
        folds: "all", or a list; each fold validates a run of its own. None uses the dataset's own split.
        design: "grid", "one-at-a-time", "ladder", "random:20" or "search:20"; see `kit.ablation.design.Design`.
        jobs: Trials at a time, each in its own process; by default the faster of one trial on the whole machine
            and one per core, or per GPU, as measured.
        halving: Whether to prune arms by successive halving: in each round the better third goes on for three times as
            many epochs. The first arm, the baseline, is never pruned.
        max_hours: Hours after which to stop for now; an epoch that would probably end later is not started.
        part: Part of the runs to train, as one of several commands at once: "2/4" is the second of four; "auto" or
            "auto/4" ask the array job, see `kit.engines.part.Part`. A run that another command is training is left to
            it. The same call without it trains what the parts left.
        engine: "local" for processes of this machine, or "ray" for all machines of a Ray cluster, which must share the
            workspace's folder; `jobs` is then the number of trials on each machine.
        address: HOST:PORT of the Ray cluster's head; the environment's RAY_ADDRESS otherwise.
        root: Workspace; KIT_ROOT or the current folder by default.
        progress: Receiver of every epoch.

    Returns:
        The ablation, with its runs and a comparison of its arms; usable as a path.

    Raises:
        KitError: Unknown dataset, recipe or setting, no arm that fits the images, no run that could be trained, or
            another process running the same ablation.
    """
    check_jobs(jobs)
    own = None if part is None else Part.parse(part)
    check_engine(engine, address, own)
    plan = plan_ablation(
        name, axes, recipe=recipe, settings=settings or {}, seeds=seeds, folds=folds, design=design, root=root
    )
    return run_plan(
        plan,
        jobs=jobs,
        halving=halving,
        max_hours=max_hours,
        part=own,
        engine=engine,
        address=address,
        progress=progress,
    )


def run_plan(
    plan: Plan,
    *,
    jobs: int | None = None,
    halving: bool = False,
    max_hours: float = math.inf,
    part: Part | None = None,
    engine: str = "local",
    address: str | None = None,
    progress: Progress = NO_PROGRESS,
    watch: Callable[[AblationStatus], None] | None = None,
) -> Ablation:
    """Run the remaining trials of a plan; see `ablate`.

    Args:
        plan: Plan of the ablation.
        jobs: Trials at a time; see `ablate`.
        halving: Whether to prune arms by successive halving; see `ablate`.
        max_hours: Hours after which to stop for now.
        part: Part of the runs to train; None for all.
        engine: "local", or "ray" for a cluster; see `ablate`.
        address: HOST:PORT of the Ray cluster's head; see `ablate`.
        progress: Receiver of every epoch, and of every run that ends.
        watch: Function called about twice a second with the progress of all runs.
    """
    check_jobs(jobs)
    require(max_hours > 0, f"max_hours must be above 0, got {max_hours}")
    require(not (halving and plan.search), f"a search proposes arms by whole trainings; leave {option('halving')} out")
    check_engine(engine, address, part)
    if part:
        _refuse_part(plan, part, halving=halving)
    deadline = time.time() + _HOUR * max_hours
    cluster = new_cluster(engine, address)
    lock = locked_part(plan.folder) if part else locked(plan.folder)
    with lock, contextlib.ExitStack() as ended, contextlib.ExitStack() as workers:
        if cluster:
            workers.callback(cluster.close)
            cluster.reach(plan.folder, [plan.dataset.folder / MANIFEST])
        fetch_runs(plan.folder)
        upload_runs(plan.folder)
        plan, packing, chosen = _pack(plan, jobs, workers, progress, part=part, cluster=cluster)
        session = Session(plan, packing, deadline, progress, watch, part=part)
        ended.callback(session.keep_stopped)  # when no worker writes any more
        try:
            session.run(chosen, halving=halving)
            upload_runs(plan.folder)  # those that the store did not take in time
        finally:
            session.close()
    return session.ran()


def _refuse_part(plan: Plan, part: Part, *, halving: bool) -> None:
    """Refuse parts of an ablation whose runs are not known before others have ended.

    Raises:
        SpecError: It searches, or prunes arms by halving.
    """
    said = option("part", str(part))
    require(not halving, f"{option('halving', True)} prunes arms by the results of all; leave {said} out")
    require(not plan.search, f"design search proposes arms by the results of earlier ones; leave {said} out")


def _pack(
    plan: Plan,
    jobs: int | None,
    workers: contextlib.ExitStack,
    progress: Progress,
    *,
    part: Part | None,
    cluster: Ray | None,
) -> tuple[Plan, Packing, Engine]:
    """Choose how trials share the machines, and write the plan with the threads of a trial, which all calls keep."""
    share = plan.share(part) if part else list(plan.specs)
    left = [plan.specs[key] for key in share if not plan.directory(key).is_finished]
    largest = max(left or list(plan.specs.values()), key=plan.operations)
    runs, before = len(left) + plan.runs_to_come, plan.packing()
    engine: Engine
    if cluster:
        packing, engine = choose_cluster_packing(
            largest, plan.dataset, cluster, workers, runs=runs, jobs=jobs, before=before, progress=progress
        )
    else:
        packing, engine = choose_packing(
            largest,
            plan.dataset,
            workers,
            runs=runs,
            jobs=jobs,
            before=before,
            measure=part is None,  # other parts would wait for it, or choose otherwise
            progress=progress,
        )
    with alone(plan.folder) if part else contextlib.nullcontext():
        while True:
            tag = fetch_note(plan.file)
            first = plan.packing() or packing  # that of another part, which began meanwhile
            plan = plan.with_threads((first if part else packing).threads)
            for key, spec in plan.specs.items():
                plan.directory(key).refuse_other(spec)
            plan.write(packing)
            if keep_note(plan.file, tag):
                return plan, packing, engine
