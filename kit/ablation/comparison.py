"""What runs showed, arm by arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.ablation.histories import Trajectory, read_trajectories, refuse_mixed
from kit.ablation.measured import Measured, MeasuredSummary, measure_runs, summarize_measured
from kit.ablation.published import read_published, unmeasured_remarks
from kit.ablation.statistics import Difference, Figure, figure, paired_difference, volatility
from kit.errors import RunError
from kit.progress import NO_PROGRESS, Progress
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """An arm over its runs.

    Attributes:
        name: of the arm.
        n: runs.
        accuracy: on the train split, last epoch, as Keras averages it while the weights still change.
        val_accuracy: last epoch.
        best_val_accuracy: best epoch, which flatters: it is chosen on the figures it reports.
        difference: of val_accuracy from the baseline, by seed.
        loss: last epoch.
        val_loss: last epoch.
        gap: accuracy minus val_accuracy, last epoch.
        volatility: mean absolute change of val_accuracy from epoch to epoch.
        parameters: of the model.
        seconds_per_epoch: median of a run's epochs.
        published: figures of the recipe's authors by name, such as val_accuracy or test_recall; empty without any.
        measured: on whole splits; None unless asked.
    """

    name: str
    n: int
    accuracy: Figure | None
    val_accuracy: Figure | None
    best_val_accuracy: Figure | None
    difference: Difference | None
    loss: Figure | None
    val_loss: Figure | None
    gap: Figure | None
    volatility: Figure | None
    parameters: int | None
    seconds_per_epoch: Figure | None
    published: Mapping[str, float] = field(default_factory=dict)
    measured: MeasuredSummary | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms in order, the baseline first.

    Attributes:
        arms: summaries.
        trajectories: the runs behind them.
        unfinished: folders of runs that were left out.
        split: that the runs were measured on besides train; empty for none.
        remarks: what a reader should know, a line each.
    """

    arms: tuple[ArmSummary, ...]
    trajectories: tuple[Trajectory, ...]
    unfinished: tuple[Path, ...]
    split: str = ""
    remarks: tuple[str, ...] = ()


def compare(
    *names: str | Path, split: str = "", root: Path | str | None = None, progress: Progress = NO_PROGRESS
) -> Comparison:
    """Compare runs, ablations and files of Keras histories.

    Args:
        *names: paths, or names below runs/; the first arm found is the baseline.
        split: a labelled one, on which and on train to measure every run by its best weights; what was measured
            before is loaded.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every run that is measured.

    Raises:
        RunError: unknown names, nothing finished, or runs of different datasets.
        ShardError: no such split, or it has no labels.
    """
    workspace = Workspace.at(root)
    trajectories: list[Trajectory] = []
    unfinished: list[Path] = []
    for name in names:
        finished, left = read_trajectories(name, workspace)
        trajectories += finished
        unfinished += left
    if not trajectories:
        raise RunError(f"none of the {len(unfinished)} runs is finished; run their command again")
    refuse_mixed(trajectories)
    remarks: list[str] = []
    if split:
        trajectories = _measured(trajectories, split, root, progress)
        remarks += _measuring_remarks(trajectories, split)
    arms = summarize(trajectories)
    published, refused = read_published(trajectories)
    remarks += [*refused, *unmeasured_remarks(published, split)]
    arms = [replace(arm, published=published.get(arm.name, {})) for arm in arms]
    return Comparison(tuple(arms), tuple(trajectories), tuple(unfinished), split, tuple(remarks))


def summarize(trajectories: Sequence[Trajectory]) -> list[ArmSummary]:
    """Group runs by arm, in order of appearance, and measure each arm against the first."""
    arms: dict[str, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(run.arm, []).append(run)
    baseline = next(iter(arms.values()))
    return [_summarize(name, runs, baseline, comparisons=len(arms) - 1) for name, runs in arms.items()]


def _measured(
    trajectories: list[Trajectory], split: str, root: Path | str | None, progress: Progress
) -> list[Trajectory]:
    runs = [trajectory.run for trajectory in trajectories if trajectory.run is not None]
    measured = iter(measure_runs(runs, split, root=root, progress=progress))
    return [run if run.run is None else replace(run, measured=next(measured)) for run in trajectories]


def _measuring_remarks(trajectories: Sequence[Trajectory], split: str) -> list[str]:
    measured = [(f"{run.arm}, seed {run.seed}", run.measured) for run in trajectories if run.measured]
    loaded = sum(run.loaded for _, run in measured)
    results = f"{loaded} results loaded from before, {2 * len(measured) - loaded} computed"
    said = f"measured {len(measured)} runs on train and {split}: {results}"
    return [said, *(_diverged(name, run, split) for name, run in measured if run.split.not_numbers)]


def _diverged(name: str, run: Measured, split: str) -> str:
    outputs = f"{run.split.not_numbers:,} of {run.split.images:,} outputs on {split} are not numbers"
    return f"warning: {name}: {outputs}: its training diverged; they count as misclassified"


def _summarize(
    name: str, runs: Sequence[Trajectory], baseline: Sequence[Trajectory], *, comparisons: int
) -> ArmSummary:
    seconds = [run.seconds_per_epoch for run in runs if run.seconds_per_epoch is not None]
    return ArmSummary(
        name=name,
        n=len(runs),
        accuracy=_over(runs, lambda run: run.last("accuracy")),
        val_accuracy=_over(runs, lambda run: run.last("val_accuracy")),
        best_val_accuracy=_over(runs, _best),
        difference=None if runs is baseline else _difference(runs, baseline, comparisons),
        loss=_over(runs, lambda run: run.last("loss")),
        val_loss=_over(runs, lambda run: run.last("val_loss")),
        gap=_over(runs, _gap),
        volatility=_over(runs, lambda run: volatility(run.metrics["val_accuracy"])),
        parameters=runs[0].parameters,
        seconds_per_epoch=figure(seconds),
        measured=summarize_measured([run.measured for run in runs]),
    )


def _over(runs: Sequence[Trajectory], measure: Callable[[Trajectory], float | None]) -> Figure | None:
    """Measure each run; a figure that not all of them recorded is nobody's."""
    values = [value for run in runs if (value := measure(run)) is not None]
    return figure(values) if len(values) == len(runs) else None


def _gap(run: Trajectory) -> float:
    return run.metrics["accuracy"][-1] - run.metrics["val_accuracy"][-1]


def _best(run: Trajectory) -> float:
    return max((value for value in run.metrics["val_accuracy"] if not math.isnan(value)), default=math.nan)


def _difference(runs: Sequence[Trajectory], baseline: Sequence[Trajectory], comparisons: int) -> Difference | None:
    return paired_difference(_by_seed(runs), _by_seed(baseline), comparisons=comparisons)


def _by_seed(runs: Sequence[Trajectory]) -> dict[int, float]:
    return {run.seed: run.metrics["val_accuracy"][-1] for run in runs if run.seed is not None}
