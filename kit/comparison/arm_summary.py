"""An arm's runs together, beside the baseline's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.comparison.contrasts import Contrast, judge_contrasts
from kit.comparison.paired_t_test import Difference, Verdict
from kit.comparison.pairing import Shared
from kit.comparison.trajectory import Trajectory, on_train, on_validation, volatility
from kit.evaluation.split_metrics import MeasuredSummary, summarize_measured
from kit.metrics.direction import smaller_is_better
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSummary:
    """An arm over its runs.

    Attributes:
        name: Name of the arm.
        n: Number of runs.
        last: Chosen metric in the last epoch; NaN if a training diverged, None if not all runs recorded it.
        best: Chosen metric in the best epoch, chosen on validation, which flatters.
        difference: Difference of `last` from the baseline, paired; None for the baseline itself, and where nothing
            pairs.
        verdict: Verdict on that difference.
        accuracy: Accuracy on the train split, last epoch, as Keras averages it while the weights still change.
        val_accuracy: Accuracy on the validation split, last epoch.
        loss: Loss on the train split, last epoch, averaged likewise.
        val_loss: Loss on the validation split, last epoch.
        gap: Amount by which the chosen metric is worse on validation than on train, last epoch.
        volatility: Mean absolute change of the chosen metric on validation from epoch to epoch.
        parameters: Parameters of the model.
        seconds_per_epoch: Median of a run's epochs.
        shared: The arm and the baseline over the runs that have a partner; None as for `difference`.
        step: The same beside the arm before; None unless asked.
        base_rate: Score of the best constant prediction on the images that validated, mean over the runs; None where
            it is unknown.
        published: Figures of the recipe's authors by name, such as val_accuracy or test_recall, one for each of their
            trainings; empty without any.
        measured: Figures on whole splits; None unless asked.
    """

    name: str
    n: int
    last: MeanAndSD | None
    best: MeanAndSD | None
    difference: Difference | None
    verdict: Verdict
    accuracy: MeanAndSD | None
    val_accuracy: MeanAndSD | None
    loss: MeanAndSD | None
    val_loss: MeanAndSD | None
    gap: MeanAndSD | None
    volatility: MeanAndSD | None
    parameters: int | None
    seconds_per_epoch: MeanAndSD | None
    shared: Shared | None = None
    step: Contrast | None = None
    base_rate: float | None = None
    published: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    measured: MeasuredSummary | None = None


def by_arm(trajectories: Sequence[Trajectory]) -> dict[str, list[Trajectory]]:
    """Group runs by arm, in order of appearance."""
    arms: dict[str, list[Trajectory]] = {}
    for run in trajectories:
        arms.setdefault(run.arm, []).append(run)
    return arms


def summarize(
    trajectories: Sequence[Trajectory],
    metric: str,
    *,
    folds: int = 0,
    pruned: int = 0,
    steps: Mapping[str, str] | None = None,
) -> list[ArmSummary]:
    """Measure each arm against the first, the baseline, and where asked against the one before, too.

    Args:
        trajectories: Runs of all arms, the baseline's first.
        metric: Metric by Keras' name.
        folds: Folds of the dataset; 0 where nobody validates on folds.
        pruned: Number of arms that lost a rung of successive halving: the others were chosen from among them, on the
            same images, so p is corrected for them, too.
        steps: Name of the arm before, by arm; None for no such comparisons.
    """
    arms, steps = by_arm(trajectories), steps or {}
    baseline, *others = arms
    wanted = dict.fromkeys([*((arm, baseline) for arm in others), *steps.items()])  # each is one test, and counted once
    found = judge_contrasts(list(wanted), arms, metric, folds=folds, untested=pruned)
    return [
        _summarize(name, runs, metric, found.get((name, baseline)), found.get((name, steps.get(name, ""))))
        for name, runs in arms.items()
    ]


def _summarize(
    name: str, runs: Sequence[Trajectory], metric: str, first: Contrast | None, step: Contrast | None
) -> ArmSummary:
    seconds = [run.seconds_per_epoch for run in runs if run.seconds_per_epoch is not None]
    base_rate = _over(runs, lambda run: run.base_rate)
    return ArmSummary(
        name=name,
        n=len(runs),
        last=_over(runs, lambda run: run.last(metric)),
        best=_over(runs, lambda run: run.best(metric)),
        difference=first.difference if first else None,
        verdict=first.verdict if first else Verdict("baseline", "baseline"),
        shared=first.shared if first else None,
        step=step,
        base_rate=base_rate.mean if base_rate else None,
        accuracy=_over(runs, lambda run: run.last("accuracy")),
        val_accuracy=_over(runs, lambda run: run.last("val_accuracy")),
        loss=_over(runs, lambda run: run.last("loss")),
        val_loss=_over(runs, lambda run: run.last("val_loss")),
        gap=_over(runs, lambda run: _gap(run, metric)),
        volatility=_over(runs, lambda run: volatility(run.metrics.get(on_validation(metric), []))),
        parameters=runs[0].parameters,
        seconds_per_epoch=mean_and_sd_of(seconds),
        measured=summarize_measured([run.measured for run in runs]),
    )


def _over(runs: Sequence[Trajectory], measure: Callable[[Trajectory], float | None]) -> MeanAndSD | None:
    """Measure each run; a figure that not all of them recorded is nobody's."""
    values = [value for run in runs if (value := measure(run)) is not None]
    return mean_and_sd_of(values) if len(values) == len(runs) else None


def _gap(run: Trajectory, metric: str) -> float | None:
    train, validation = run.last(on_train(metric)), run.last(on_validation(metric))
    if train is None or validation is None:
        return None
    return validation - train if smaller_is_better(metric) else train - validation
