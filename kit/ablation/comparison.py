"""What runs showed, arm by arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.ablation.histories import Trajectory, read_trajectories, refuse_mixed
from kit.ablation.statistics import Difference, Figure, figure, paired_difference, volatility
from kit.errors import RunError
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms in order, the baseline first.

    Attributes:
        arms: summaries.
        trajectories: the runs behind them.
        unfinished: folders of runs that were left out.
    """

    arms: tuple[ArmSummary, ...]
    trajectories: tuple[Trajectory, ...]
    unfinished: tuple[Path, ...]


def compare(*names: str | Path, root: Path | str | None = None) -> Comparison:
    """Compare runs, ablations and files of Keras histories.

    Args:
        *names: paths, or names below runs/; the first arm found is the baseline.
        root: of the workspace; KIT_ROOT or the current folder otherwise.

    Raises:
        RunError: unknown names, nothing finished, or runs of different datasets.
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
    return Comparison(tuple(summarize(trajectories)), tuple(trajectories), tuple(unfinished))


def summarize(trajectories: Sequence[Trajectory]) -> list[ArmSummary]:
    """Group runs by arm, in order of appearance, and measure each arm against the first."""
    arms: dict[str, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(run.arm, []).append(run)
    baseline = next(iter(arms.values()))
    return [_summarize(name, runs, baseline, comparisons=len(arms) - 1) for name, runs in arms.items()]


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
