"""Collects the runs behind names on the command line: finished ones, and others with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec

from kit.comparison.keras_histories import read_histories
from kit.comparison.trajectory import Trajectory
from kit.errors import RunError, unknown
from kit.runs import RunDirectory
from kit.runs.directory import RATES, Pruned
from kit.runs.stored import ABLATION, fetch_named, stored_names
from kit.seals import read_sealed
from kit.storage import shown
from kit.workspace import Workspace

_RESULTS = ("comparison.csv", "evaluation.json", "export.json")  # files that mark by-products of kit's commands
_NOTES = re.compile(
    r"(spec|environment|result|failure|halted|ablation|folds|evaluation-.*)\.json|retrained\.csv|.*predictions.*\.csv"
)
_ENDINGS = (".png", ".html", ".h5", ".parquet", ".md", ".tex")
_DEPTH = 4  # levels above a run at which its ablation's plan may be


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A run, or a whole arm, without figures to compare.

    Attributes:
        arm: Name of the arm.
        seed: None for a whole arm.
        fold: Validation fold; None for the dataset's own validation split.
        reason: Reason in one line.
    """

    arm: str
    seed: int | None
    fold: int | None
    reason: str


@dataclass(slots=True)
class Found:
    """Runs found under some names.

    Attributes:
        finished: Finished runs, by ablation, arm and seed in the order of their plans.
        pruned: Runs pruned by successive halving, up to their last epoch.
        left_out: Runs that failed or were pruned, and arms that could not be built.
        unfinished: Folders of all other runs without a result.
        baseline: Baseline of the first ablation named, in the format of `Trajectory.whence`; empty without a plan.
    """

    finished: list[Trajectory] = field(default_factory=list)
    pruned: list[Trajectory] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    baseline: str = ""

    def add(self, other: Found) -> None:
        """Append the runs found under another name."""
        self.baseline = self.baseline or ("" if self.finished else other.baseline)
        self.finished += other.finished
        self.pruned += other.pruned
        self.left_out += other.left_out
        self.unfinished += other.unfinished


class _Plan(msgspec.Struct):
    """The part of ablation.json that a comparison needs."""

    arms: tuple[str, ...] = ()
    recipe: str = ""
    refused: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Location:
    """Location of a run.

    Attributes:
        run: Directory of the run.
        ablation: Name of its ablation; empty for a run that was trained alone.
        recipe: Recipe of the ablation.
        order: Index of its arm in the plan.
        steps: Folders from the ablation's to the run's, starting with the arm's.
    """

    run: RunDirectory
    ablation: str = ""
    recipe: str = ""
    order: int = 0
    steps: tuple[str, ...]

    @property
    def rank(self) -> tuple[str, int, str, list[int]]:
        """Sort key: ablation, the arm's index in its plan, its name; then numbers, so that seed 10 follows seed 9."""
        numbers = [int(number) for number in re.findall(r"\d+", "/".join(self.steps[1:]))]
        return self.ablation, self.order, self.steps[0], numbers


def find_runs(name: str | Path, workspace: Workspace) -> Found:
    """Read a run, an ablation, a folder of either, or a file of Keras histories.

    Args:
        name: Path or address, or name below runs/.
        workspace: Workspace with the runs/ to search.

    Raises:
        RunError: Nothing of that name, or no runs in it.
    """
    name = fetch_named(name, workspace.runs)
    for path in (Path(name), workspace.runs / name):
        if path.is_file():
            return Found(finished=read_histories(path))
        if path.is_dir():
            return _read_folder(path)
    here = {path.name for path in workspace.runs.iterdir()} if workspace.runs.is_dir() else set()
    known = here | stored_names(workspace.runs)
    raise RunError(f"{unknown('run or ablation', str(name), known)} (in {shown(workspace.runs)})")


def is_by_product(path: Path) -> bool:
    """Whether a path is a by-product of kit rather than a run, so that runs/* can be compared repeatedly.

    By-products are the files of comparisons, evaluations, exports and range tests, the notes of runs and ablations,
    locks, and partial files.
    """
    if path.name.startswith("."):
        return path.exists()
    if path.is_file():
        return bool(_NOTES.fullmatch(path.name)) or path.suffix in _ENDINGS
    is_run = any(next(path.rglob(name), None) for name in ("spec.json", ABLATION))
    return path.is_dir() and not is_run and (path.name == RATES or any((path / name).is_file() for name in _RESULTS))


def _read_folder(folder: Path) -> Found:
    begun = [path.parent for path in sorted(folder.rglob("spec.json"))]
    plans = {path.parent: _read_plan(path.parent) for path in sorted(folder.rglob(ABLATION))}
    if not begun and not plans:
        raise RunError(f"{folder} holds no run")
    found = Found()
    for location in sorted(_locations(begun), key=lambda location: location.rank):
        _sort_in(location, found)
    for path, plan in plans.items():
        found.baseline = found.baseline or (f"{path.resolve().name}/{plan.arms[0]}" if plan.arms else "")
        found.left_out += [
            LeftOut(arm=arm, seed=None, fold=None, reason=reason) for arm, reason in plan.refused.items()
        ]
    return found


def _locations(begun: Sequence[Path]) -> list[_Location]:
    """Find the ablation of each run and its arm's index there."""

    @cache
    def plan_of(ablation: Path) -> tuple[_Plan, dict[str, int]]:
        plan = _read_plan(ablation)
        return plan, {arm: number for number, arm in enumerate(plan.arms)}

    locations = []
    for path in begun:
        whole = path.resolve()
        ablation = next((above for above in whole.parents[:_DEPTH] if (above / ABLATION).is_file()), None)
        if ablation is None:
            locations.append(_Location(run=RunDirectory(path), steps=(whole.name,)))
            continue
        (plan, order), steps = plan_of(ablation), whole.relative_to(ablation).parts
        index = order.get(steps[0], len(order))
        run = RunDirectory(path)
        locations.append(_Location(run=run, ablation=ablation.name, recipe=plan.recipe, order=index, steps=steps))
    return locations


def _read_plan(folder: Path) -> _Plan:
    return read_sealed(folder / ABLATION, _Plan, what="ablation")


def _sort_in(location: _Location, found: Found) -> None:
    run = location.run
    if run.is_finished:
        found.finished.append(_read_run(location))
    elif failure := run.failure:
        found.left_out.append(_left_out(location, f"failed: {failure.reason}"))
    elif pruned := run.pruned:
        found.left_out.append(_left_out(location, describe_pruned(pruned)))
        if run.history().rows:
            found.pruned.append(_read_run(location))
    else:
        found.unfinished.append(run.path)


def describe_pruned(pruned: Pruned) -> str:
    """Describe when a run was pruned.

    >>> describe_pruned(Pruned(epochs=9, rank=14, arms=16))
    'pruned by halving after 9 epochs, 14th of 16 arms'
    """
    epochs = f"{pruned.epochs} epoch{'s' if pruned.epochs > 1 else ''}"
    return f"pruned by halving after {epochs}, {_ordinal(pruned.rank)} of {pruned.arms:,} arms"


def _ordinal(number: int) -> str:
    is_teen = number % 100 in {11, 12, 13}
    return f"{number:,}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _left_out(location: _Location, reason: str) -> LeftOut:
    spec = location.run.spec()
    return LeftOut(arm=spec.arm, seed=spec.seed, fold=spec.fold, reason=reason)


def _read_run(location: _Location) -> Trajectory:
    run = location.run
    spec, history = run.spec(), run.history()
    result = run.result() if run.is_finished else None
    if not history.rows:
        raise RunError(f"{history.path} is missing or empty; remove the folder {run.path} and run its command again")
    return Trajectory(
        arm=spec.arm,
        metrics={name: history.column(name) for name in history.metrics()[0]},
        seed=spec.seed,
        fold=spec.fold,
        dataset=(spec.dataset, spec.fingerprint),
        parameters=result.parameters if result else None,
        seconds_per_epoch=result.seconds_per_epoch if result else None,
        run=run,
        spec=spec,
        whence=f"{location.ablation}/{spec.arm}" if location.ablation else location.steps[0],
        recipe=location.recipe,
    )
