"""Chart of the images of each class, before and after balancing."""

from __future__ import annotations

from pathlib import Path

from kit.audits.class_balance import ClassCounts, counts_of_dataset
from kit.datasets import Dataset
from kit.errors import require
from kit.files import write_whole
from kit.reports.figure import BLUE, GREY, middle_cut, new_figure, png
from kit.reports.page import Picture
from kit.reports.table import Table

_SHOWN = 40  # classes in a chart; of more, the largest and the smallest
_NAME = 32  # characters
_BAR = 24  # characters of the longest bar on a terminal


def shown_classes(counts: ClassCounts) -> list[str]:
    """List the names of the classes shown in a chart."""
    names = list(counts.before)
    half = _SHOWN // 2
    return names if len(names) <= _SHOWN else [*names[:half], *names[-half:]]


def balance_table(counts: ClassCounts) -> list[Table]:
    """Build a table of the classes with bars, if balancing leaves images out."""
    if not counts.is_balanced:
        return []
    longest = max(counts.before.values())
    rows = tuple(
        (
            middle_cut(name, _NAME),
            f"{counts.before[name]:,}",
            f"{counts.after[name]:,}",
            _bar(counts.after[name], counts.before[name], longest),
        )
        for name in shown_classes(counts)
    )
    return [Table("classes before and after balancing", ("class", "before", "after", "taken of found"), rows)]


def plot_class_counts(counts: ClassCounts) -> Picture:
    """Draw one bar per class: the images found, and within it those kept by balancing."""
    names = shown_classes(counts)
    figure = new_figure(7.2, 1.4 + 0.28 * len(names))
    axes = figure.add_subplot()
    indices = range(len(names))
    before, after = ([kept[name] for name in names] for kept in (counts.before, counts.after))
    label = "before balancing" if counts.is_balanced else None
    bars = axes.barh(indices, before, color="#c9c9c9" if counts.is_balanced else BLUE, label=label)
    axes.bar_label(bars, [_count_text(counts, name) for name in names], fontsize=8, padding=3, color=GREY)
    if counts.is_balanced:
        axes.barh(indices, after, height=0.5, color=BLUE, label="after balancing")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    axes.set_yticks(indices, [middle_cut(name, _NAME) for name in names], fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.2 * max([1, *before]))
    axes.set_xlabel("images")
    left_out = len(counts.before) - len(names)
    more = f"\n{left_out:,} {counts.kind} between the largest and the smallest are not shown" if left_out else ""
    axes.set_title(f"{counts.title}{more}", fontsize=10, parse_math=False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    return Picture(png(figure), _described(counts))


def write_class_counts(dataset: Dataset, path: Path) -> None:
    """Draw a dataset's classes, grades or tags as a PNG.

    Raises:
        SpecError: Labels are numbers, of which every image has all.
    """
    target = dataset.manifest.target
    require(
        target.is_counted,
        f"the chart counts images of each class, grade or tag; {dataset.manifest.name} has numbers, see kit info",
    )
    write_whole(path, plot_class_counts(counts_of_dataset(dataset)).png)


def _count_text(counts: ClassCounts, name: str) -> str:
    """Format the images of a class, before and after balancing if they differ."""
    before, after = counts.before[name], counts.after[name]
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def _bar(taken: int, found: int, longest: int) -> str:
    """Draw kept images as full blocks, aligned with the right edge of the cell, and the others as shaded ones."""
    whole, full = (-(-_BAR * count // max(longest, 1)) for count in (found, taken))
    return "░" * (whole - full) + "█" * full


def _described(counts: ClassCounts) -> str:
    (most, largest), *_ = counts.before.items()
    *_, (least, smallest) = counts.before.items()
    text = (
        f"{counts.title}: {len(counts.before):,} {counts.kind}, from {largest:,} of {most} to {smallest:,} of {least}"
    )
    balanced = f"; {sum(counts.after.values()):,} of {sum(counts.before.values()):,} after balancing"
    return f"{text}{balanced if counts.is_balanced else ''}"
