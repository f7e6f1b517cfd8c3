"""Dataset's metric of retrained arms on all three splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.ablation.retrain import Retrained
from kit.evaluation.split_metrics import measure_runs
from kit.metrics.direction import smaller_is_better
from kit.progress import NO_PROGRESS, Progress
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of

GAP = 0.01  # of accuracy: a difference of more than one percentage point between two splits is marked
_ROUNDING = 1e-9  # rounding error of a difference: .75 and .74 are one point apart, not more

Apart = Literal["", "one side", "both sides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainedArm:
    """Dataset's metric of an arm with the best weights of its runs.

    Attributes:
        name: Name of the arm.
        n: Number of runs.
        before: Mean validation figure in the ablation.
        train: Metric on the train split.
        validation: Metric on the validation split.
        test: Metric on the test split.
        apart: Whether the mean accuracy on train, on validation, or on both differs from that on test by more than GAP;
            empty for other metrics.
        metric: Name of the metric.
    """

    name: str
    n: int
    before: float
    train: MeanAndSD | None
    validation: MeanAndSD | None
    test: MeanAndSD | None
    apart: Apart
    metric: str = "accuracy"


def measure_retrained(
    retrained: Retrained, *, root: Path | str | None = None, progress: Progress = NO_PROGRESS
) -> list[RetrainedArm]:
    """Measure all runs on train, validation and test.

    Returns:
        Arms from the best to the worst mean on test.
    """
    arms = [
        _measure(name, before, retrained, root, progress)
        for name, before in zip(retrained.arms, retrained.before, strict=True)
    ]
    return sorted(arms, key=_rank)


def _rank(arm: RetrainedArm) -> float:
    if arm.test is None or math.isnan(arm.test.mean):
        return math.inf
    return arm.test.mean if smaller_is_better(arm.metric) else -arm.test.mean


def _measure(
    name: str, before: float, retrained: Retrained, root: Path | str | None, progress: Progress
) -> RetrainedArm:
    runs = retrained.runs[name]
    test, validation = (measure_runs(runs, split, root=root, progress=progress) for split in ("test", "validation"))
    means = {
        "train": mean_and_sd_of([run.train.own for run in test]),
        "validation": mean_and_sd_of([run.split.own for run in validation]),
        "test": mean_and_sd_of([run.split.own for run in test]),
    }
    metric = test[0].split.own_metric
    apart = find_apart(**means) if metric == "accuracy" else ""
    return RetrainedArm(name=name, n=len(runs), before=before, **means, apart=apart, metric=metric)


def find_apart(train: MeanAndSD | None, validation: MeanAndSD | None, test: MeanAndSD | None) -> Apart:
    """Compare the means of train and validation with that of test.

    >>> find_apart(MeanAndSD(0.759, None), MeanAndSD(0.752, None), MeanAndSD(0.772, None))
    'both sides'
    """
    sides = [side for side in (train, validation) if side and test and abs(side.mean - test.mean) > GAP + _ROUNDING]
    names: tuple[Apart, ...] = ("", "one side", "both sides")
    return names[len(sides)]
