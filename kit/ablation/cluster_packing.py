"""Packing on a cluster: how many trials share a machine, chosen on the kind of machine that limits it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from kit.ablation.packing import Packing, because, choose_jobs, time_together
from kit.ablation.trial import run_trial
from kit.engines import Ray, Share
from kit.memory import free_memory
from kit.progress import Progress
from kit.specs import RunSpec

if TYPE_CHECKING:
    from kit.datasets import Dataset
    from kit.engines.cluster_node import ClusterNode


def choose_cluster_packing(
    spec: RunSpec,
    dataset: Dataset,
    engine: Ray,
    workers: ExitStack,
    *,
    runs: int,
    jobs: int | None,
    before: Packing | None,
    progress: Progress,
) -> tuple[Packing, Ray]:
    """Choose how many trials run on a machine of the cluster, and on how many threads.

    If machines have GPUs, trials run on these only, one per GPU: figures of GPUs and CPUs do not mix. Otherwise the
    choice is measured on a machine with the fewest cores, as all trials of an ablation have the same threads.

    Args:
        spec: Settings of the arm with the largest model; its threads are the default.
        dataset: Dataset to train on.
        engine: Engine of the cluster.
        workers: Stack that keeps the connection until it is closed.
        runs: Number of remaining runs.
        jobs: Number of trials on a machine requested; None measures one on the whole machine against one per core.
        before: Packing of the ablation's first call.
        progress: Receiver of the measurement and the reason for the choice.

    Returns:
        The packing, and an engine whose tasks take the share of a machine that it gives a trial.
    """
    workers.enter_context(engine.prepare(run_trial))
    node = _smallest(engine)
    if node.gpus:
        packing = _per_gpu(node, jobs)
        share = Share(cpus=max(1, node.cpus // packing.jobs), gpus=node.gpus / packing.jobs)
        return packing, engine.taking(Share(cpus=share.cpus, gpus=min(1.0, share.gpus)))
    devices = int(node.cpus)
    packing = choose_jobs(devices, spec.train.threads, runs=runs, jobs=jobs, before=before) or _measure(
        spec, dataset, devices, engine.on(node.node), progress
    )
    return packing, engine.taking(Share(cpus=max(packing.threads, devices // packing.jobs, 1)))


def _smallest(engine: Ray) -> ClusterNode:
    """Return the machine with the fewest GPUs, if any has one, or else the fewest cores."""
    with_gpus = [node for node in engine.nodes if node.gpus >= 1]
    return min(with_gpus or engine.nodes, key=lambda node: (node.gpus, node.cpus))


def _per_gpu(node: ClusterNode, jobs: int | None) -> Packing:
    devices = int(node.gpus)
    why = "one per GPU of a machine" if jobs is None else "as requested"
    return Packing(jobs=jobs or devices, threads=0, devices=devices, why=why)


def _measure(spec: RunSpec, dataset: Dataset, devices: int, engine: Ray, progress: Progress) -> Packing:
    """Time one trial on all cores of a machine, then one per core."""
    progress.start("time a few steps", 2)
    whole = Packing(jobs=1, threads=devices, devices=devices, why="")
    alone = time_together(whole, engine.taking(Share(cpus=devices)), spec, dataset)
    progress.advance()
    if alone is None:
        return because(whole, f"{spec.arm} could not take a step", progress)
    (free,) = engine.run(_free_memory, [0])
    fitting = whole.fitting(free.value, alone.peak_bytes)
    if fitting <= 1:
        return because(whole, f"memory is enough for one trial of {spec.arm}", progress)
    packed = Packing(jobs=fitting, threads=devices // fitting, devices=devices, why="")
    together = time_together(packed, engine.taking(Share(cpus=packed.threads)), spec, dataset)
    if together is None:
        return because(whole, f"{fitting} trials of {spec.arm} could not take a step together", progress)
    said = (
        f"{spec.arm} on {devices} cores: {alone.images_per_second:,.0f} images/s in one trial,"
        f" {together.images_per_second:,.0f} in {fitting} together"
    )
    return because(packed if together.images_per_second >= alone.images_per_second else whole, said, progress)


def _free_memory(_: int) -> int:
    return free_memory()
