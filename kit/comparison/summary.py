"""An arm's runs together, beside the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.comparison.difference import Difference, Verdict, judge
from kit.comparison.measured import MeasuredSummary, summarize_measured
from kit.comparison.pairing import pair
from kit.comparison.statistics import volatility
from kit.comparison.trajectory import Trajectory, on_train, on_validation, smaller_is_better
from kit.runs.figure import Figure, figure


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """An arm over its runs.

    Attributes:
        name: of the arm.
        n: runs.
        last: the chosen metric in the last epoch; NaN if a training diverged, None if not all runs recorded it.
        best: the chosen metric in the best epoch, chosen on validation, which flatters.
        difference: of `last` from the baseline, paired; None for the baseline itself, and where nothing pairs.
        verdict: on that difference.
        accuracy: on the train split, last epoch, as Keras averages it while the weights still change.
        val_accuracy: last epoch.
        loss: on the train split, last epoch, likewise.
        val_loss: last epoch.
        gap: by how much the chosen metric is worse on validation than on train, last epoch.
        volatility: mean absolute change of the chosen metric on validation from epoch to epoch.
        parameters: of the model.
        seconds_per_epoch: median of a run's epochs.
        published: Figures of the recipe's authors by name, such as val_accuracy or test_recall, one for each of their
            trainings; empty without any.
        measured: on whole splits; None unless asked.
    """

    name: str
    n: int
    last: Figure | None
    best: Figure | None
    difference: Difference | None
    verdict: Verdict
    accuracy: Figure | None
    val_accuracy: Figure | None
    loss: Figure | None
    val_loss: Figure | None
    gap: Figure | None
    volatility: Figure | None
    parameters: int | None
    seconds_per_epoch: Figure | None
    published: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    measured: MeasuredSummary | None = None


def by_arm(trajectories: Sequence[Trajectory]) -> dict[str, list[Trajectory]]:
    """Group runs by arm, in order of appearance."""
    arms: dict[str, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(run.arm, []).append(run)
    return arms


def summarize(trajectories: Sequence[Trajectory], metric: str, *, folds: int = 0, halted: int = 0) -> list[ArmSummary]:
    """Measure each arm against the first, the baseline.

    Args:
        trajectories: of all arms, the baseline's first.
        metric: by Keras' name.
        folds: of the dataset; 0 where nobody validates on folds.
        halted: arms that lost a rung of successive halving: the others were chosen from among them, on the same images,
            so p is corrected for them, too.
    """
    arms = by_arm(trajectories)
    judged = _judge_all(arms, metric, folds, halted)
    return [_summarize(name, runs, metric, *judged[name]) for name, runs in arms.items()]


def _judge_all(
    arms: Mapping[str, Sequence[Trajectory]], metric: str, folds: int, halted: int
) -> dict[str, tuple[Difference | None, Verdict]]:
    (name, baseline), *others = arms.items()
    why_not = {arm: why for arm, runs in others if (why := _why_not(runs, metric) or _why_not(baseline, metric, name))}
    pairs = {arm: pair(runs, baseline, metric, folds=folds) for arm, runs in others if arm not in why_not}
    judged = judge(pairs, comparisons=len(others) + halted, smaller_is_better=smaller_is_better(metric))
    refused: dict[str, tuple[Difference | None, Verdict]] = {arm: (None, why) for arm, why in why_not.items()}
    return {name: (None, Verdict("baseline", "baseline")), **refused, **judged}


def _why_not(runs: Sequence[Trajectory], metric: str, baseline: str = "") -> Verdict | None:
    """Say why runs cannot be compared; None where they can."""
    of = "the baseline " if baseline else ""
    if any(run.last(metric) is None for run in runs):
        return Verdict("unknown", f"{of}did not record {metric}")
    if diverged := sum(run.is_diverged for run in runs):
        return Verdict(
            "unknown" if baseline else "diverged",
            f"{of}diverged in {diverged} of {len(runs)} run{'s' if len(runs) > 1 else ''}",
        )
    return None


def _summarize(
    name: str, runs: Sequence[Trajectory], metric: str, difference: Difference | None, verdict: Verdict
) -> ArmSummary:
    seconds = [run.seconds_per_epoch for run in runs if run.seconds_per_epoch is not None]
    return ArmSummary(
        name=name,
        n=len(runs),
        last=_over(runs, lambda run: run.last(metric)),
        best=_over(runs, lambda run: run.best(metric)),
        difference=difference,
        verdict=verdict,
        accuracy=_over(runs, lambda run: run.last("accuracy")),
        val_accuracy=_over(runs, lambda run: run.last("val_accuracy")),
        loss=_over(runs, lambda run: run.last("loss")),
        val_loss=_over(runs, lambda run: run.last("val_loss")),
        gap=_over(runs, lambda run: _gap(run, metric)),
        volatility=_over(runs, lambda run: volatility(run.metrics.get(on_validation(metric), []))),
        parameters=runs[0].parameters,
        seconds_per_epoch=figure(seconds),
        measured=summarize_measured([run.measured for run in runs]),
    )


def _over(runs: Sequence[Trajectory], measure: Callable[[Trajectory], float | None]) -> Figure | None:
    """Measure each run; a figure that not all of them recorded is nobody's."""
    values = [value for run in runs if (value := measure(run)) is not None]
    return figure(values) if len(values) == len(runs) else None


def _gap(run: Trajectory, metric: str) -> float | None:
    train, validation = run.last(on_train(metric)), run.last(on_validation(metric))
    if train is None or validation is None:
        return None
    return validation - train if smaller_is_better(metric) else train - validation
