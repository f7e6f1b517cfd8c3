"""Pictures of grades: expected grades by true grade, and a metric against cut-offs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.cut_off_curves import CutOffCurve, CutOffs
from kit.reports.figure import BLUE, GREY, ORANGE, line_style, middle_cut, new_figure, png
from kit.reports.tiles import wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 500  # images of a grade that are drawn, evenly chosen
_GOLDEN = (5**0.5 - 1) / 2  # its multiples spread points evenly, without chance
_WIDTH = 0.6  # of a strip, in grades
_FEW = 12  # grades whose names stand side by side
_NAME = 12  # characters of a line of a grade's name


def plot_expected(numbers: Sequence[NDArray[np.float64]], names: Sequence[str], title: str, axis: str) -> bytes:
    """Draw the expected grades of each true one: images, quartiles, mean, and the line on which they would be right.

    Args:
        numbers: Expected grades of the images of each true grade.
        names: Names of the grades.
        title: Title above the axes.
        axis: Name of the numbers.

    Returns:
        A PNG.
    """
    grades = range(len(names))
    figure = new_figure(max(6.4, 0.8 + (0.7 if len(names) <= _FEW else 0.3) * len(names)), 5.6)
    axes = figure.subplots()
    axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], ":", color=GREY, linewidth=1.2, label="true grade")
    for grade, given in enumerate(numbers):
        _draw_strip(axes, grade, given)
    full = [grade for grade in grades if len(numbers[grade])]
    if full:
        _draw_boxes(axes, numbers, full)
        means = [float(numbers[grade].mean()) for grade in full]
        axes.plot(full, means, "D", color=ORANGE, markeredgecolor="white", markersize=7, label="mean", zorder=5)
    _name_grades(axes, names, [len(given) for given in numbers])
    axes.set_xlabel("true grade")
    axes.set_ylabel(axis)
    axes.set_xlim(-0.6, len(names) - 0.4)
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left")
    return png(figure)


def plot_cut_offs(cut_offs: CutOffs, names: Sequence[str], title: str) -> bytes:
    """Draw the metric while each cut-off moves between its neighbours: above all are half-way, below all are fitted.

    Args:
        cut_offs: Metric against cut-offs.
        names: Names of the grades.
        title: Title above the axes.

    Returns:
        A PNG.
    """
    figure = new_figure(6.4, 7.4)
    figure.suptitle(title, fontsize=10, parse_math=False)
    above, below = figure.subplots(2, 1, sharex=True)
    for axes, curves, base in (
        (above, cut_offs.from_usual, "half-way between grades"),
        (below, cut_offs.from_fitted, "fitted to these images"),
    ):
        _draw_curves(axes, curves, names)
        axes.set_title(f"one cut-off moves, the others are {base}", fontsize=9)
        axes.set_ylabel(cut_offs.metric.name)
        axes.grid(alpha=0.3)
    below.set_xlabel("cut-off on the expected grade; a mark is where it is while others move")
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    return png(figure)


def _name_grades(axes: Axes, names: Sequence[str], images: Sequence[int]) -> None:
    """Name the grades below, and beside where they are few; many stand upright."""
    is_few, positions = len(names) <= _FEW, list(range(len(names)))
    labels = [
        f"{wrapped(name, _NAME)}\nn = {count:,}" if is_few else f"{middle_cut(name, _NAME)} ({count:,})"
        for name, count in zip(names, images, strict=True)
    ]
    axes.set_xticks(positions, labels, rotation=0 if is_few else 90, parse_math=False)
    if is_few:
        axes.set_yticks(positions, [wrapped(name, _NAME) for name in names], parse_math=False)


def _draw_strip(axes: Axes, grade: int, given: NDArray[np.float64]) -> None:
    chosen = np.linspace(0, len(given) - 1, min(_POINTS, len(given))).astype(int)
    positions = grade + _WIDTH * (np.arange(len(chosen)) * _GOLDEN % 1 - 0.5)
    axes.plot(positions, given[chosen], ".", color=BLUE, alpha=0.5, markersize=6, markeredgewidth=0)


def _draw_boxes(axes: Axes, numbers: Sequence[NDArray[np.float64]], grades: Sequence[int]) -> None:
    axes.boxplot(
        [numbers[grade] for grade in grades],
        positions=grades,
        widths=_WIDTH,
        showfliers=False,
        manage_ticks=False,
        medianprops={"color": "black", "linewidth": 1.6},
        boxprops={"linewidth": 1.1},
        zorder=4,
    )


def _draw_curves(axes: Axes, curves: Sequence[CutOffCurve], names: Sequence[str]) -> None:
    for number, curve in enumerate(curves):
        here = int(np.searchsorted(curve.cut_offs, curve.at))
        marked = {"markevery": [here], "markeredgecolor": "black", "markersize": 8}
        style = line_style(number, len(curve.scores)) | marked
        axes.plot(curve.cut_offs, curve.scores, label=f"from {names[curve.grade]}", linewidth=1.6, **style)
