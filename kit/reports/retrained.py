"""The arms that were trained again, on all three splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit.ablation.retrain import Retrained
from kit.comparison.measured import measure_runs
from kit.progress import NO_PROGRESS, Progress
from kit.reports.measured import mean_and_sd
from kit.reports.table import NOTHING, Table
from kit.runs.figure import Figure, figure

GAP = 0.01  # of accuracy: more than a point between two splits is marked


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
        is_apart: whether two of the splits' means differ by more than GAP.
    """

    name: str
    n: int
    before: float
    train: Figure | None
    validation: Figure | None
    test: Figure | None
    is_apart: bool


def measure_retrained(
    retrained: Retrained, *, root: Path | str | None = None, progress: Progress = NO_PROGRESS
) -> list[RetrainedArm]:
    """Measure all runs on train, validation and test."""
    return [
        _measure(name, before, retrained, root, progress)
        for name, before in zip(retrained.arms, retrained.before, strict=True)
    ]


def _measure(
    name: str, before: float, retrained: Retrained, root: Path | str | None, progress: Progress
) -> RetrainedArm:
    runs = retrained.runs[name]
    test, validation = (measure_runs(runs, split, root=root, progress=progress) for split in ("test", "validation"))
    means = {
        "train": figure([run.train.accuracy for run in test]),
        "validation": figure([run.split.accuracy for run in validation]),
        "test": figure([run.split.accuracy for run in test]),
    }
    known = [value.mean for value in means.values() if value is not None]
    return RetrainedArm(name=name, n=len(runs), before=before, **means, is_apart=max(known) - min(known) > GAP)


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
            str(arm.is_apart).lower(),
        )
        for arm in arms
    )
    return Table("", (*columns, "apart"), rows)


def retrained_table(retrained: Retrained, arms: list[RetrainedArm]) -> Table:
    """Lay out the arms, those whose splits are more than a point apart marked."""
    counts = retrained.dataset.manifest
    columns = tuple(f"{split}\nn = {counts.records(split):,}" for split in ("train", "validation", "test"))
    rows = tuple(
        (
            arm.name,
            str(arm.n),
            f"{arm.before:.4f}",
            *(NOTHING if value is None else mean_and_sd(value, 4) for value in (arm.train, arm.validation, arm.test)),
            "apart" if arm.is_apart else "",
        )
        for arm in arms
    )
    title = f"trained again on {retrained.dataset.manifest.name}: accuracy of the best weights; apart: over a point"
    return Table(title, ("arm", "runs", "ablation", *columns, ""), rows)
