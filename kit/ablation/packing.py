"""Packing: the measured choice of how many trials share the machine, with how many threads each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

import msgspec

from kit.ablation.trial import run_trial
from kit.datasets import Dataset
from kit.engines import Engine, Local, core_count, gpus
from kit.engines.machine import VISIBLE_GPUS
from kit.errors import require
from kit.memory import free_memory
from kit.progress import NO_PROGRESS, Progress
from kit.specs import RunSpec, override

_SECONDS = 1.0  # seconds of steps in a probe: dozens of steps for a small model, where the choice is closer
_MEMORY = 0.8  # share of free memory that all trials may fill together


class Packing(msgspec.Struct, frozen=True, kw_only=True):
    """Split of the machine between trials.

    Attributes:
        jobs: Trials at a time, each in its own process.
        threads: Threads per trial on CPUs; 0 on GPUs.
        devices: Number of GPUs, or of cores without GPUs.
        why: Reason for the choice.
    """

    jobs: int
    threads: int
    devices: int
    why: str

    def fitting(self, free: int, peak: int) -> int:
        """Count the trials that fit into free memory, one per device at most.

        Args:
            free: Free memory, bytes.
            peak: Peak memory of one trial, bytes.
        """
        return min(self.devices, int(_MEMORY * free / peak))


class Probe(msgspec.Struct, frozen=True):
    """A few training steps to time in a worker.

    Attributes:
        spec: Settings of a run.
        dataset: Dataset, its manifest and folder.
    """

    spec: RunSpec
    dataset: Dataset


def check_jobs(jobs: int | None) -> None:
    """Refuse a number of jobs below 1.

    Raises:
        SpecError: The number is below 1.
    """
    require(jobs is None or jobs >= 1, f"jobs must be 1 or more, got {jobs}")


def new_engine(packing: Packing, runs: int) -> Local:
    """Create an engine for a number of runs; several trials on GPUs get one GPU per worker."""
    names, workers = gpus(), max(1, min(packing.jobs, runs))
    if packing.jobs == 1 or not names:
        return Local(workers)
    return Local(workers, [{VISIBLE_GPUS: names[index % len(names)]} for index in range(workers)])


def choose_packing(
    spec: RunSpec,
    dataset: Dataset,
    workers: ExitStack,
    *,
    runs: int,
    jobs: int | None = None,
    before: Packing | None = None,
    measure: bool = True,
    progress: Progress = NO_PROGRESS,
) -> tuple[Packing, Local]:
    """Choose how many trials run at a time, and on how many threads.

    Figures depend on the number of threads, so an ablation keeps its first choice.

    Args:
        spec: Settings of the arm with the largest model; its threads are the default.
        dataset: Dataset to train on.
        workers: Stack that keeps the engine's processes until it is closed: the timed ones have TensorFlow loaded.
        runs: Number of remaining runs.
        jobs: Number of jobs requested; None measures one trial on the whole machine against one per device.
        before: Packing of the ablation's first call.
        measure: Whether to time a few steps, if there is a choice; otherwise there are as many trials as devices allow.
        progress: Receiver of the measurement and the reason for the choice.

    Returns:
        The packing, and an engine for it.
    """
    check_jobs(jobs)
    devices = len(gpus()) or core_count()
    packing = choose_jobs(
        devices, 0 if gpus() else spec.train.threads, runs=runs, jobs=jobs, before=before, measure=measure
    )
    if packing is None:
        return _measure(spec, dataset, devices, workers, progress)
    return packing, _start(packing, workers, runs) if runs else new_engine(packing, runs)


def choose_jobs(
    devices: int, threads: int, *, runs: int, jobs: int | None, before: Packing | None, measure: bool = True
) -> Packing | None:
    """Choose the packing of a machine; None if it is to be measured."""
    threads = before.threads if before else threads
    most = max(1, devices // max(1, threads))
    if jobs is not None:
        return Packing(jobs=jobs, threads=threads, devices=devices, why="as requested")
    if before and before.devices == devices:
        return before
    if before or most == 1 or runs <= 1 or threads > 1 or not measure:
        return Packing(jobs=most, threads=threads, devices=devices, why="as many as the devices allow")
    return None


def _start(packing: Packing, workers: ExitStack, runs: int) -> Local:
    engine = new_engine(packing, runs)
    workers.enter_context(engine.prepare(run_trial))
    return engine


def _measure(
    spec: RunSpec, dataset: Dataset, devices: int, workers: ExitStack, progress: Progress
) -> tuple[Packing, Local]:
    """Time one trial on all devices, then one trial per device; keep the engine of the better packing."""
    engines: dict[int, Local] = {}

    def time(packing: Packing) -> Throughput | None:
        engines[packing.jobs] = _start(packing, workers, packing.jobs)
        return time_together(packing, engines[packing.jobs], spec, dataset)

    whole = Packing(jobs=1, threads=0 if gpus() else devices, devices=devices, why="")
    chosen = choose_faster(whole, spec.arm, time, free_memory, progress)
    for jobs, engine in engines.items():
        if jobs != chosen.jobs:
            engine.close()
    return chosen, engines[chosen.jobs]


def choose_faster(
    whole: Packing,
    arm: str,
    time: Callable[[Packing], Throughput | None],
    free: Callable[[], int],
    progress: Progress,
) -> Packing:
    """Choose between one trial on all devices of a machine and as many as its devices and memory allow.

    Args:
        whole: Packing of one trial on all devices.
        arm: Name of the arm that is timed.
        time: Function that times a packing; None if a trial could not run.
        free: Function that returns the machine's free memory, bytes.
        progress: Receiver of the measurement and the reason for the choice.
    """
    progress.start("time a few steps", 2)
    alone = time(whole)
    progress.advance()
    if alone is None:
        return _because(whole, f"{arm} could not take a step", progress)
    fitting = whole.fitting(free(), alone.peak_bytes)
    if fitting <= 1:
        return _because(whole, f"memory is enough for one trial of {arm}", progress)
    packed = Packing(jobs=fitting, threads=whole.threads // fitting, devices=whole.devices, why="")
    together = time(packed)
    if together is None:
        return _because(whole, f"{fitting} trials of {arm} could not take a step together", progress)
    said = (
        f"{arm} on {whole.devices} {'core' if whole.threads else 'GPU'}s: {alone.images_per_second:,.0f} images/s in"
        f" one trial, {together.images_per_second:,.0f} in {fitting} together"
    )
    return _because(packed if together.images_per_second >= alone.images_per_second else whole, said, progress)


def _because(packing: Packing, why: str, progress: Progress) -> Packing:
    """Report a packing with the reason for it."""
    trials = "1 trial" if packing.jobs == 1 else f"{packing.jobs} trials"
    progress.advance(1, f"{trials} at a time; {why}")
    progress.finish()
    return msgspec.structs.replace(packing, why=why)


class Throughput(NamedTuple):
    """Throughput of a few steps.

    Attributes:
        images_per_second: Images per second of all trials together.
        peak_bytes: Peak memory of one trial, bytes.
    """

    images_per_second: float
    peak_bytes: int


def time_together(packing: Packing, engine: Engine, spec: RunSpec, dataset: Dataset) -> Throughput | None:
    """Time a number of trials at the same time; None if one of them could not run."""
    probe = Probe(override(spec, {"train.threads": packing.threads}), dataset)
    timed = engine.run(time_probe, [probe] * packing.jobs, lost=lambda _: None)
    paces = [finished.value for finished in timed if finished.value is not None]
    if len(paces) < packing.jobs:
        return None
    return Throughput(sum(pace.images_per_second for pace in paces), max(pace.peak_bytes for pace in paces))


def time_probe(probe: Probe) -> Throughput | None:
    """Time a few steps in a worker; None if they fail, which the trial itself will report."""
    from kit.training.timed_steps import time_steps  # noqa: PLC0415 (TensorFlow, in the workers only)

    try:
        steps = time_steps(probe.spec, probe.dataset, seconds=_SECONDS)
    except Exception:  # noqa: BLE001 (out of memory, or whatever the framework says of such a model)
        return None
    return Throughput(steps.images_per_second, steps.peak_bytes)
