"""Folds of a cross-validation trained on the machines of a cluster, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.datasets import Dataset
from kit.datasets.dataset import MANIFEST
from kit.engines import Engine, Ray, Share
from kit.engines.cluster_node import smallest
from kit.errors import EngineError, RunError
from kit.locks import wait_until_free
from kit.progress import Progress
from kit.runs import RunDirectory
from kit.specs import RunSpec
from kit.specs.device_list import Devices
from kit.training.lost_machines import KILLED_TWICE, MOVED, PATIENCE, Moves


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldTask:
    """One fold to train, as a worker receives it.

    Attributes:
        dataset: Dataset, its manifest and folder.
        spec: Settings of the run.
        directory: Directory of the run.
        devices: Devices to train on.
        checkpoint_minutes: Minutes between checkpoints within an epoch.
    """

    dataset: Dataset
    spec: RunSpec
    directory: Path
    devices: Devices
    checkpoint_minutes: float

    def __str__(self) -> str:
        """Name the fold."""
        return f"fold {self.spec.fold}"

    @property
    def epochs(self) -> int:
        """Number of epochs on disk."""
        try:
            return min(self.spec.train.epochs, len(RunDirectory(self.directory).history().rows))
        except RunError:  # damaged: reported by the run itself
            return 0


def train_fold(task: FoldTask) -> None:
    """Train a fold, from its last checkpoint."""
    from kit.training.fit import train_run  # noqa: PLC0415 (TensorFlow, in the workers only)

    wait_until_free(task.directory, PATIENCE)
    train_run(
        task.dataset,
        task.spec,
        RunDirectory(task.directory),
        devices=task.devices,
        checkpoint_minutes=task.checkpoint_minutes,
    )


def train_folds_on(cluster: Ray, tasks: Sequence[FoldTask], runs: Path, progress: Progress) -> None:
    """Train folds, each on a machine of its own, or on a GPU of its own where there are any.

    A fold whose machine is lost goes on from its checkpoint on another one; one whose process was killed is tried
    once more, alone.

    Args:
        cluster: Engine of the cluster.
        tasks: Folds to train.
        runs: Folder of runs, which all machines must share.
        progress: Receiver of every epoch.

    Raises:
        EngineError: A process was killed twice.
        KitError: A fold cannot be trained; the others end, too.
    """
    with cluster.prepare(train_fold):
        cluster.reach(runs, [task.dataset.folder / MANIFEST for task in tasks[:1]])
        progress.start("train folds", sum(task.spec.train.epochs for task in tasks))
        engine = cluster.taking(_share(cluster, tasks[0].spec.train.threads))
        watch = _Watch(tasks, progress)
        killed = watch.train(engine, tasks)
        if killed:
            progress.advance(0, f"{len(killed)} folds are tried again, one at a time")
            _refuse_killed(watch.train(engine.alone(), killed))
        progress.finish()


def _refuse_killed(tasks: Sequence[FoldTask]) -> None:
    for task in tasks:
        raise EngineError(f"the process of {task} {KILLED_TWICE}")


def _share(cluster: Ray, threads: int) -> Share:
    """Return the share of a machine for a fold: a GPU, or the threads of its settings, or all cores."""
    node = smallest(cluster.nodes)
    return node.divided(node.gpus) if node.gpus else Share(cpus=min(threads, node.cpus) or node.cpus)


class _Watch:
    """Progress of the folds, read from their directories."""

    def __init__(self, tasks: Sequence[FoldTask], progress: Progress) -> None:
        self._tasks, self._progress = tasks, progress
        self._epochs = 0
        self._moves = Moves()

    def train(self, engine: Engine, tasks: Sequence[FoldTask]) -> list[FoldTask]:
        """Train folds; return those whose processes were killed."""
        killed: list[FoldTask] = []

        def strand(index: int) -> bool:
            goes_on = self._moves.goes_on(str(tasks[index]))
            if goes_on:
                self._look(f"{tasks[index]}: {MOVED}")
            else:
                killed.append(tasks[index])
            return goes_on

        for finished in engine.run(
            train_fold, tasks, tick=self._look, lost=lambda index: killed.append(tasks[index]), stranded=strand
        ):
            where = f" on node {finished.node.address}" if finished.node else ""
            self._look(f"{tasks[finished.index]} is trained{where}")
        return killed

    def _look(self, note: str = "") -> None:
        epochs = sum(task.epochs for task in self._tasks)
        self._progress.advance(epochs - self._epochs, note)
        self._epochs = epochs
