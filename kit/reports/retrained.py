"""The arms that were trained again, on all three splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.ablation.retrain import Retrained
from kit.evaluation.split_metrics import measure_runs
from kit.progress import NO_PROGRESS, Progress
from kit.reports.comparison import Appendix
from kit.reports.split_metrics import arm_lines, mean_and_sd
from kit.reports.table import NOTHING, Table
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of

GAP = 0.01  # of accuracy: more than a point between two splits is marked
_ROUNDING = 1e-9  # of a difference of two shares: .75 and .74 are a point apart, not more

Apart = Literal["", "one side", "both sides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainedArm:
    """An arm's accuracy by the best weights of its runs.

    Attributes:
        name: of the arm.
        n: runs.
        before: mean validation accuracy in the ablation.
        train: split.
        validation: split.
        test: split.
        apart: Whether the means of train and of validation differ from that of test by more than GAP: one of the two,
            or both.
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
        The arms, from the best mean test accuracy on.
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


def exact_table(arms: list[RetrainedArm]) -> Table:
    """Lay out the same with every digit, a value a cell."""
    splits = ("train", "validation", "test")
    columns = ("arm", "n", "ablation_val_accuracy", *(f"{split}_{part}" for split in splits for part in ("mean", "sd")))
    rows = tuple(
        (
            arm.name,
            str(arm.n),
            repr(arm.before),
            *(
                "" if value is None else repr(value)
                for figure in (arm.train, arm.validation, arm.test)
                for value in (figure and figure.mean, figure and figure.sd)
            ),
            arm.apart,
        )
        for arm in arms
    )
    return Table("", (*columns, "apart"), rows)


def retrained_table(retrained: Retrained, arms: list[RetrainedArm]) -> Table:
    """Lay out the arms, those marked whose test accuracy is more than a point from train's, validation's or both."""
    counts = retrained.dataset.manifest
    columns = tuple(f"{split}\nn = {counts.records(split):,}" for split in ("train", "validation", "test"))
    rows = tuple(
        (
            arm_lines(arm.name),
            str(arm.n),
            f"{arm.before:.4f}",
            *(NOTHING if value is None else mean_and_sd(value, 4) for value in (arm.train, arm.validation, arm.test)),
            arm.apart or NOTHING,
        )
        for arm in arms
    )
    title = (
        f"trained again on {retrained.dataset.manifest.name}: accuracy, the best on test first; apart:"
        " train, validation or both differ from test by more than a point"
    )
    return Table(title, ("arm", "runs", "ablation", *columns, "apart"), rows)


def retrained_appendix(retrained: Retrained, arms: list[RetrainedArm]) -> Appendix:
    """Give a comparison the table of the arms that were trained again."""
    shown, exact = retrained_table(retrained, arms), exact_table(arms)
    return Appendix(name="retrained", heading="Trained again", shown=shown, exact=exact)
