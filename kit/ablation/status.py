"""Status of an ablation, read from its run directories."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from kit.errors import RunError
from kit.runs import RunDirectory
from kit.runs.history import Row
from kit.specs import RunSpec

Watched: TypeAlias = tuple[str, int, int | None, RunDirectory, RunSpec]  # arm, seed, fold, where, and what

State = Literal["waiting", "running", "finished", "pruned", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """Status of one run.

    Attributes:
        state: State of the run: "pruned" by successive halving; a "waiting" run may have begun before.
        seed: Seed of the run.
        fold: Validation fold; None for the dataset's own split.
        epoch: Number of epochs on disk.
        epochs: Largest number of epochs of the run.
        last: Metrics of the last epoch, by name; empty before the first.
        metric: Metric that the run's progress shows beside the loss.
    """

    state: State
    seed: int
    fold: int | None
    epoch: int
    epochs: int
    last: Mapping[str, float]
    metric: str = "accuracy"


@dataclass(frozen=True, slots=True)
class ArmStatus:
    """Status of one arm.

    Attributes:
        name: Name of the arm.
        runs: Runs by seed and fold.
    """

    name: str
    runs: tuple[RunStatus, ...]

    @property
    def running(self) -> list[RunStatus]:
        """Runs in training."""
        return [run for run in self.runs if run.state == "running"]

    def count(self, state: State) -> int:
        """Count the runs in a given state."""
        return sum(run.state == state for run in self.runs)


@dataclass(frozen=True, slots=True)
class AblationStatus:
    """Status of a whole ablation.

    Attributes:
        arms: Arms in the plan's order.
        seconds_left: Seconds until the last run ends, without early stopping; None before the first measured epoch.
    """

    arms: tuple[ArmStatus, ...]
    seconds_left: float | None

    @property
    def runs(self) -> list[RunStatus]:
        """All runs, arm by arm."""
        return [run for arm in self.arms for run in arm.runs]

    @property
    def epochs_done(self) -> int:
        """Number of epochs done, or saved by early stopping."""
        return sum(_done(run) for run in self.runs)

    @property
    def epochs(self) -> int:
        """Total number of epochs, without the remaining ones of failed and pruned runs."""
        return sum(_done(run) + _left(run) for run in self.runs)

    def count(self, state: State) -> int:
        """Count the runs in a given state."""
        return sum(arm.count(state) for arm in self.arms)


class StatusReader:
    """Reads run directories repeatedly: changed files only, and finished runs once.

    Args:
        halves: Whether runs pruned by successive halving stay pruned; otherwise they resume.
    """

    def __init__(self, *, halves: bool = True) -> None:
        self._halves = halves
        self._finished: set[Path] = set()
        self._rows: dict[Path, list[Row]] = {}
        self._stamps: dict[Path, tuple[int, int]] = {}
        self._begun: dict[Path, int] = {}  # number of epochs at the first read

    def read(self, runs: Iterable[Watched], running: Collection[RunDirectory], *, jobs: int) -> AblationStatus:
        """Read the state of a plan's runs.

        Args:
            runs: All runs in the plan's order, those of an arm together.
            running: Directories of the runs in training now.
            jobs: Runs at a time, for the estimate of the remaining time.
        """
        arms: dict[str, list[RunStatus]] = {}
        seconds: dict[str, list[float]] = {}
        for arm, seed, fold, directory, spec in runs:
            one = self._run(seed, fold, directory, spec, is_running=directory in running)
            arms.setdefault(arm, []).append(one)
            seconds.setdefault(arm, []).extend(self._measured(directory))
        statuses = tuple(ArmStatus(arm, tuple(runs)) for arm, runs in arms.items())
        return AblationStatus(statuses, _seconds_left(statuses, seconds, jobs))

    def _run(
        self, seed: int, fold: int | None, directory: RunDirectory, spec: RunSpec, *, is_running: bool
    ) -> RunStatus:
        rows = self._history(directory)
        return RunStatus(
            state=self._state(directory, is_running=is_running),
            seed=seed,
            fold=fold,
            epoch=len(rows),
            epochs=spec.train.epochs,
            last=rows[-1] if rows else {},
            metric=spec.train.headline,
        )

    def _state(self, directory: RunDirectory, *, is_running: bool) -> State:
        if directory.path in self._finished:
            return "finished"
        if is_running:
            return "running"
        if directory.failure:
            return "failed"
        return "pruned" if self._halves and directory.pruned else "waiting"

    def _history(self, directory: RunDirectory) -> list[Row]:
        """Read a history if it has changed; a finished run's is never read again."""
        path = directory.path
        if path in self._finished:
            return self._rows[path]
        if directory.is_finished:
            self._finished.add(path)
        try:
            found = directory.history_file.stat()
        except FileNotFoundError:
            self._rows[path] = []
        else:
            stamp = found.st_mtime_ns, found.st_size
            if stamp != self._stamps.get(path):
                self._stamps[path] = stamp
                self._rows[path] = _rows(directory)
        self._begun.setdefault(path, len(self._rows[path]))
        return self._rows[path]

    def _measured(self, directory: RunDirectory) -> list[float]:
        """List the seconds of the epochs that ended since the first read."""
        return [row["seconds"] for row in self._rows[directory.path][self._begun[directory.path] :] if "seconds" in row]


def _rows(directory: RunDirectory) -> list[Row]:
    try:
        return directory.history().rows
    except RunError:  # damaged: reported by the run itself
        return []


def _done(run: RunStatus) -> int:
    return run.epochs if run.state == "finished" else min(run.epoch, run.epochs)


def _left(run: RunStatus) -> int:
    return run.epochs - _done(run) if run.state in {"running", "waiting"} else 0


def _seconds_left(arms: Iterable[ArmStatus], seconds: Mapping[str, list[float]], jobs: int) -> float | None:
    """Estimate the remaining time, spread over the jobs; no run ends sooner than it would alone."""
    measured = [second for arm in seconds.values() for second in arm]
    if not measured:
        return None
    runs = [_left(run) * _mean(seconds[arm.name] or measured) for arm in arms for run in arm.runs if _left(run)]
    return max(math.fsum(runs) / jobs, max(runs, default=0.0))


def _mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)
