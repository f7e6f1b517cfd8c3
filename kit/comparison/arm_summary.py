"""Summary of an arm's runs, compared with the baseline's."""

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
    """Summary of an arm over its runs.

    Attributes:
        name: Name of the arm.
        n: Number of runs.
        last: Chosen metric in the last epoch; NaN if a training diverged, None if not all runs recorded it.
        best: Chosen metric in the best epoch; optimistic, as the epoch is chosen on validation.
        difference: Paired difference of `last` from the baseline; None for the baseline itself, and without pairs.
        verdict: Verdict on that difference.
        accuracy: Accuracy on the train split, last epoch, as Keras averages it while the weights still change.
        val_accuracy: Accuracy on the validation split, last epoch.
        loss: Loss on the train split, last epoch, averaged in the same way.
        val_loss: Loss on the validation split, last epoch.
        gap: Amount by which the chosen metric is worse on validation than on train, last epoch.
        volatility: Mean absolute change of the chosen metric on validation from epoch to epoch.
        parameters: Number of parameters of the model.
        seconds_per_epoch: Median seconds per epoch.
        shared: Both arms over the paired runs; None as for `difference`.
        step: Contrast with the previous arm; None unless requested.
        base_rate: Score of the best constant prediction on the validation images, mean over the runs; None if unknown.
        published: Published figures of the recipe by name, such as val_accuracy or test_recall, one for each training;
            empty without any.
        measured: Metrics on whole splits; None unless requested.
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
    """Compare each arm with the baseline, the first arm, and on request with the previous one too.

    Args:
        trajectories: Runs of all arms, the baseline's first.
        metric: Metric by Keras' name.
        folds: Number of folds of the dataset; 0 without validation on folds.
        pruned: Number of arms pruned by successive halving: the others were selected on the same images, so p is
            corrected for the pruned arms too.
        steps: Name of the previous arm, by arm; None for no such comparisons.
    """
    arms, steps = by_arm(trajectories), steps or {}
    baseline, *others = arms
    wanted = dict.fromkeys([*((arm, baseline) for arm in others), *steps.items()])  # each is one test, counted once
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
    """Average a figure over the runs; None unless all of them recorded it."""
    values = [value for run in runs if (value := measure(run)) is not None]
    return mean_and_sd_of(values) if len(values) == len(runs) else None


def _gap(run: Trajectory, metric: str) -> float | None:
    train, validation = run.last(on_train(metric)), run.last(on_validation(metric))
    if train is None or validation is None or on_validation(metric) in run.judged:
        return None
    return validation - train if smaller_is_better(metric) else train - validation
