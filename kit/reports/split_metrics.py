"""Tables of metrics on whole splits, and of the recipe's published figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from kit.comparison import Comparison
from kit.comparison.arm_summary import ArmSummary
from kit.reports.table import NOTHING, Table, exact
from kit.runs.mean_and_sd import MeanAndSD

_HISTORY = ("accuracy", "val_accuracy", "loss", "val_loss")  # published figures available without --split
_METRICS = ("accuracy", "loss", "recall")  # metrics measured on splits


Row: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of every arm.

    Attributes:
        name: Short name.
        figures: Figures by arm; None for an arm without one.
        digits: Number of decimal places.
        is_published: Whether the figures were published by others, as one number.
        again: Figures of further published trainings of the same setting, one column each.
    """

    name: str
    figures: tuple[MeanAndSD | None, ...]
    digits: int = 4
    is_published: bool = False
    again: tuple[Column, ...] = ()

    @property
    def cells(self) -> list[str]:
        """Mean ± sample standard deviation of each arm; one line for each published training."""
        rows = zip(self.figures, *(column.figures for column in self.again), strict=True)
        return [_lines([mean_and_sd(figure, self.digits) for figure in row]) for row in rows]


@dataclass(frozen=True, slots=True)
class FigureTable:
    """Table of figures of all arms.

    Attributes:
        name: Name of its file.
        title: Title above the table.
        columns: Columns of the table.
    """

    name: str
    title: str
    columns: tuple[Column, ...]

    def shown(self, arms: Sequence[ArmSummary]) -> Table:
        """Build the table with mean ± sample standard deviation."""
        cells = [column.cells for column in self.columns]
        names = (column.name.replace("published_", "published\n") for column in self.columns)
        shown = [arm_lines(arm.name) for arm in arms]
        return Table(self.title, ("arm", "n", *names), _rows(shown, arms, cells))

    def exact(self, arms: Sequence[ArmSummary]) -> Table:
        """Build the table of means and standard deviations with every digit."""
        names: list[str] = []
        cells: list[list[str]] = []
        for column in itertools.chain.from_iterable((first, *first.again) for first in self.columns):
            parts = ("mean",) if column.is_published else ("mean", "sd")
            names += [column.name] if column.is_published else [f"{column.name}_{part}" for part in parts]
            cells += [[exact(getattr(figure, part, None)) for figure in column.figures] for part in parts]
        return Table(self.title, ("arm", "n", *names), _rows([arm.name for arm in arms], arms, cells))


def figure_tables(comparison: Comparison, arms: Sequence[ArmSummary]) -> list[FigureTable]:
    """Build the available tables: train against the split, recall, and published figures next to ours."""
    return [
        table for table in (*_measured(comparison.split, arms), _published(comparison.split, arms)) if table.columns
    ]


def _measured(split: str, arms: Sequence[ArmSummary]) -> Iterator[FigureTable]:
    measured = [arm.measured for arm in arms]
    if not any(measured):
        return

    def column(name: str, field: str, digits: int = 4) -> Column:
        return Column(name, tuple(getattr(arm, field, None) for arm in measured), digits)

    recall_of = " or ".join(dict.fromkeys(arm.recall_of for arm in measured if arm))
    counts = sorted({arm.images for arm in measured if arm})
    images = " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1])))
    weights = " and ".join(sorted({arm.weights for arm in measured if arm}))
    where = f"{split}, n = {images} images, {weights} weights"
    if names := list(dict.fromkeys(arm.metric for arm in measured if arm and arm.metric)):
        metric = " or ".join(names)
        yield FigureTable(
            f"metric-{split}",
            f"{metric}, train against {where}; diff is train minus {split}",
            (
                column(f"train_{metric}", "train_score"),
                column(f"{split}_{metric}", "score"),
                column("diff", "score_difference"),
            ),
        )
    if not any(arm and arm.accuracy for arm in measured):
        return
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
        f"recall and accuracy, train against {where}; recall of {recall_of}; misclassified of {split}",
        (
            column("train_recall", "train_recall"),
            column(f"{split}_recall", "recall"),
            column("misclassified", "misclassified", 1),
            column("train_acc", "train_accuracy"),
            column(f"{split}_acc", "accuracy"),
        ),
    )


def _published(split: str, arms: Sequence[ArmSummary]) -> FigureTable:
    names = dict.fromkeys(name for arm in arms for name in arm.published)
    columns: list[Column] = []
    for name in names:
        ours = tuple(_our_figure(arm, name, split) for arm in arms)
        if any(ours):
            first, *again = _published_columns(name, arms)
            columns += [Column(name, ours), replace(first, again=tuple(again))]
    return FigureTable("published", "ours beside what the recipe's authors published, each of one run", tuple(columns))


def _published_columns(name: str, arms: Sequence[ArmSummary]) -> list[Column]:
    """Build the columns of a published figure, one for each published training of the same setting."""
    published = [arm.published.get(name, ()) for arm in arms]
    trainings = itertools.zip_longest(*published)
    return [
        Column(
            f"published_{name}" + (f"_{number}" if number > 1 else ""),
            tuple(None if value is None else MeanAndSD(value, None) for value in values),
            is_published=True,
        )
        for number, values in enumerate(trainings, start=1)
    ]


def _our_figure(arm: ArmSummary, published: str, split: str) -> MeanAndSD | None:
    """Find our figure that corresponds to a published one."""
    found: MeanAndSD | None = None
    if published in _HISTORY:
        found = getattr(arm, published)
    elif published in {f"{split}_{metric}" for metric in _METRICS}:
        found = getattr(arm.measured, published.removeprefix(f"{split}_"), None)
    return found


def mean_and_sd(figure: MeanAndSD | None, digits: int) -> str:
    """Format a figure as a cell: the mean, and below it the standard deviation if known."""
    if figure is None or math.isnan(figure.mean):
        return NOTHING if figure is None else "nan"
    is_count = digits <= 1 and figure.sd is None and figure.mean.is_integer()  # a single run: whole numbers of images
    mean = f"{figure.mean:.{0 if is_count else digits}f}"
    return mean if figure.sd is None else f"{mean}\n± {figure.sd:.{digits}f}"


def _lines(cells: Sequence[str]) -> str:
    """Join the non-empty cells, one per line."""
    return "\n".join(cell for cell in cells if cell != NOTHING) or NOTHING


def arm_lines(name: str) -> str:
    """Put each setting of an arm's name on its own line."""
    return name.replace(",", ",\n")


def _rows(names: Sequence[str], arms: Sequence[ArmSummary], cells: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """Transpose columns of cells into rows."""
    columns = (names, [str(arm.n) for arm in arms], *cells)
    return tuple(zip(*columns, strict=True))
