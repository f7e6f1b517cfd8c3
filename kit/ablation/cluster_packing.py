"""Packing on a cluster: how many trials share a machine, chosen on the kind of machine that limits it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from kit.ablation.packing import Packing, Throughput, choose_faster, choose_jobs, time_together
from kit.ablation.trial import run_trial
from kit.engines import Ray, Share
from kit.engines.cluster_node import smallest
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
    node = smallest(engine.nodes)
    if node.gpus:
        packing = _per_gpu(node, jobs)
        return packing, engine.taking(node.divided(packing.jobs))
    devices = int(node.cpus)
    packing = choose_jobs(devices, spec.train.threads, runs=runs, jobs=jobs, before=before) or _measure(
        spec, dataset, devices, engine.on(node.node), progress
    )
    return packing, engine.taking(Share(cpus=max(packing.threads, devices // packing.jobs, 1)))


def _per_gpu(node: ClusterNode, jobs: int | None) -> Packing:
    devices = int(node.gpus)
    why = "one per GPU of a machine" if jobs is None else "as requested"
    return Packing(jobs=jobs or devices, threads=0, devices=devices, why=why)


def _measure(spec: RunSpec, dataset: Dataset, devices: int, engine: Ray, progress: Progress) -> Packing:
    """Time one trial on all cores of a machine, then one per core."""

    def time(packing: Packing) -> Throughput | None:
        return time_together(packing, engine.taking(Share(cpus=packing.threads)), spec, dataset)

    def free() -> int:
        (finished,) = engine.run(_free_memory, [0])
        return finished.value

    whole = Packing(jobs=1, threads=devices, devices=devices, why="")
    return choose_faster(whole, spec.arm, time, free, progress)


def _free_memory(_: int) -> int:
    return free_memory()
