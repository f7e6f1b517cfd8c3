"""Accuracy of retrained arms on all three splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.ablation.retrain import Retrained
from kit.evaluation.split_metrics import measure_runs
from kit.progress import NO_PROGRESS, Progress
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of

GAP = 0.01  # of accuracy: a difference of more than one percentage point between two splits is marked
_ROUNDING = 1e-9  # rounding error of a difference: .75 and .74 are one point apart, not more

Apart = Literal["", "one side", "both sides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainedArm:
    """Accuracy of an arm with the best weights of its runs.

    Attributes:
        name: Name of the arm.
        n: Number of runs.
        before: Mean validation accuracy in the ablation.
        train: Accuracy on the train split.
        validation: Accuracy on the validation split.
        test: Accuracy on the test split.
        apart: Whether the mean on train, on validation, or on both differs from that on test by more than GAP.
    """

    name: str
    n: int
    before: float
    train: MeanAndSD | None
    validation: MeanAndSD | None
    test: MeanAndSD | None
    apart: Apart


def measure_retrained(
    retrained: Retrained, *, root: Path | str | None = None, progress: Progress = NO_PROGRESS
) -> list[RetrainedArm]:
    """Measure all runs on train, validation and test.

    Returns:
        Arms in descending order of mean test accuracy.
    """
    arms = [
        _measure(name, before, retrained, root, progress)
        for name, before in zip(retrained.arms, retrained.before, strict=True)
    ]
    return sorted(arms, key=lambda arm: -arm.test.mean if arm.test else math.inf)


def _measure(
    name: str, before: float, retrained: Retrained, root: Path | str | None, progress: Progress
) -> RetrainedArm:
    runs = retrained.runs[name]
    test, validation = (measure_runs(runs, split, root=root, progress=progress) for split in ("test", "validation"))
    means = {
        "train": mean_and_sd_of([run.train.accuracy for run in test]),
        "validation": mean_and_sd_of([run.split.accuracy for run in validation]),
        "test": mean_and_sd_of([run.split.accuracy for run in test]),
    }
    return RetrainedArm(name=name, n=len(runs), before=before, **means, apart=find_apart(**means))


def find_apart(train: MeanAndSD | None, validation: MeanAndSD | None, test: MeanAndSD | None) -> Apart:
    """Compare the means of train and validation with that of test.

    >>> find_apart(MeanAndSD(0.759, None), MeanAndSD(0.752, None), MeanAndSD(0.772, None))
    'both sides'
    """
    sides = [side for side in (train, validation) if side and test and abs(side.mean - test.mean) > GAP + _ROUNDING]
    names: tuple[Apart, ...] = ("", "one side", "both sides")
    return names[len(sides)]
