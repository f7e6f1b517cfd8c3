"""What a comparison measured on whole splits, and what the recipe's authors published."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kit.comparison import Comparison
from kit.comparison.summary import ArmSummary
from kit.reports.table import NOTHING, Table, exact
from kit.runs.figure import Figure

_HISTORY = ("accuracy", "val_accuracy", "loss", "val_loss")  # published names that need no --split
_METRICS = ("accuracy", "loss", "recall")  # that are measured on splits


Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of every arm.

    Attributes:
        name: a word.
        figures: by arm; None where it has none.
        digits: after the point.
        is_published: by others, as one number.
    """

    name: str
    figures: tuple[Figure | None, ...]
    digits: int = 4
    is_published: bool = False


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Figures of the arms side by side.

    Attributes:
        name: of its file.
        title: above.
        columns: what stands in it.
    """

    name: str
    title: str
    columns: tuple[Column, ...]

    def shown(self, arms: Sequence[ArmSummary]) -> Table:
        """Lay out mean ± sample standard deviation."""
        cells = [[mean_and_sd(figure, column.digits) for figure in column.figures] for column in self.columns]
        names = (column.name.replace("published_", "published\n") for column in self.columns)
        shown = [arm_lines(arm.name) for arm in arms]
        return Table(self.title, ("arm", "n", *names), _rows(shown, arms, cells))

    def exact(self, arms: Sequence[ArmSummary]) -> Table:
        """Lay out means and standard deviations with every digit."""
        names: list[str] = []
        cells: list[list[str]] = []
        for column in self.columns:
            parts = ("mean",) if column.is_published else ("mean", "sd")
            names += [column.name] if column.is_published else [f"{column.name}_{part}" for part in parts]
            cells += [[exact(getattr(figure, part, None)) for figure in column.figures] for part in parts]
        return Table(self.title, ("arm", "n", *names), _rows([arm.name for arm in arms], arms, cells))


def figure_tables(comparison: Comparison) -> list[FigureTable]:
    """Lay out what there is: train against the split, recall, and the published figures beside ours."""
    return [table for table in (*_measured(comparison), _published(comparison)) if table.columns]


def _measured(comparison: Comparison) -> Iterator[FigureTable]:
    split, measured = comparison.split, [arm.measured for arm in comparison.arms]
    some = next((arm for arm in measured if arm), None)
    if some is None:
        return

    def column(name: str, field: str, digits: int = 4) -> Column:
        return Column(name, tuple(getattr(arm, field, None) for arm in measured), digits)

    where = f"{split}, n = {some.images:,} images, best weights"
    yield FigureTable(
        f"train-{split}",
        f"train against {where}; loss_diff and acc_diff are train minus {split}",
        (
            column("train_loss", "train_loss"),
            column("train_acc", "train_accuracy"),
            column(f"{split}_loss", "loss"),
            column(f"{split}_acc", "accuracy"),
            column("loss_diff", "loss_difference"),
            column("acc_diff", "accuracy_difference"),
        ),
    )
    yield FigureTable(
        f"recall-{split}",
        f"{where}; recall of {some.recall_of}",
        (column("recall", "recall"), column("misclassified", "misclassified", 1), column("accuracy", "accuracy")),
    )


def _published(comparison: Comparison) -> FigureTable:
    names = dict.fromkeys(name for arm in comparison.arms for name in arm.published)
    columns: list[Column] = []
    for name in names:
        ours = tuple(_our_figure(arm, name, comparison.split) for arm in comparison.arms)
        if any(ours):
            published = [arm.published.get(name) for arm in comparison.arms]
            theirs = tuple(None if value is None else Figure(value, None) for value in published)
            columns += [Column(name, ours), Column(f"published_{name}", theirs, is_published=True)]
    return FigureTable("published", "ours beside what the recipe's authors published, each of one run", tuple(columns))


def _our_figure(arm: ArmSummary, published: str, split: str) -> Figure | None:
    """Find the figure of ours that a published one is about."""
    found: Figure | None = None
    if published in _HISTORY:
        found = getattr(arm, published)
    elif published in {f"{split}_{metric}" for metric in _METRICS}:
        found = getattr(arm.measured, published.removeprefix(f"{split}_"), None)
    return found


def mean_and_sd(figure: Figure | None, digits: int) -> str:
    """Write a figure as a cell: the mean, and below it the standard deviation where there is one."""
    if figure is None or math.isnan(figure.mean):
        return NOTHING if figure is None else "nan"
    is_count = digits <= 1 and figure.sd is None and figure.mean.is_integer()  # of one run: images are whole
    mean = f"{figure.mean:.{0 if is_count else digits}f}"
    return mean if figure.sd is None else f"{mean}\n± {figure.sd:.{digits}f}"


def arm_lines(name: str) -> str:
    """Give each setting of an arm's name a line of its own."""
    return name.replace(",", ",\n")


def _rows(names: Sequence[str], arms: Sequence[ArmSummary], cells: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """Turn columns of cells into rows."""
    columns = (names, [str(arm.n) for arm in arms], *cells)
    return tuple(zip(*columns, strict=True))
