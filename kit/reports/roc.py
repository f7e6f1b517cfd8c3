"""Tables and pictures of ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evaluation.roc import Curve, Kind
from kit.reports.figure import GREY, line_style, new_figure, png
from kit.reports.table import Table
from kit.reports.tiles import wrapped

MOST = 10  # curves in a picture
_LABEL = 72  # characters per line of the legend
_AXES = {
    "ROC": ("false positive rate: share of the other images flagged", "recall: share of the {noun}'s images flagged"),
    "precision-recall": (
        "recall: share of the {noun}'s images flagged",
        "precision: share of the flagged that are of the {noun}",
    ),
}
_AREA = {"ROC": "AUC", "precision-recall": "average precision"}
_COLUMNS = {"ROC": ("false positive rate", "recall"), "precision-recall": ("recall", "precision")}


def ranking_table(kind: Kind, curves: Sequence[Curve], noun: str) -> Table:
    """Tabulate every point of the curves; the noun of what each is about, "class" or "grade", heads their names."""
    rows = tuple(
        (curve.name, *(f"{value:.9g}" for value in point))
        for curve in curves
        for point in zip(curve.thresholds, curve.x, curve.y, strict=True)
    )
    return Table(f"{kind} curve", (noun, "threshold", *_COLUMNS[kind]), rows)


def plot_ranking(
    kind: Kind, curves: Sequence[Curve], title: str, mark: tuple[float, float, str] | None, noun: str = "class"
) -> bytes:
    """Draw curves; of more than ten, those with the smallest areas.

    Args:
        kind: Kind of the curves.
        curves: Curves of the classes; none leaves the axes empty, and the title says so.
        title: Title above the axes.
        mark: Point to show: x, y and its name.
        noun: Word for what each curve is about, "class" or "grade".

    Returns:
        A PNG.
    """
    shown = sorted(sorted(curves, key=lambda curve: curve.area)[:MOST], key=curves.index)
    labels = [
        wrapped(f"{curve.name} (n = {curve.images:,}): {_AREA[kind]} {curve.area:.4f}", _LABEL) for curve in shown
    ]
    figure = new_figure(6.4, 7.2 + 0.22 * sum(label.count("\n") + 1 for label in labels))
    axes = figure.subplots()
    for number, (curve, label) in enumerate(zip(shown, labels, strict=True)):
        steps = "steps-post" if kind == "precision-recall" else "default"
        axes.plot(curve.x, curve.y, label=label, drawstyle=steps, linewidth=1.8, **line_style(number, len(curve.x)))
    if kind == "ROC":
        axes.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="chance")
    if mark:
        axes.plot(mark[0], mark[1], "*", color="black", markersize=14, label=mark[2], zorder=5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xlabel(_AXES[kind][0].format(noun=noun))
    axes.set_ylabel(_AXES[kind][1].format(noun=noun))
    few = f"\nthe {MOST} smallest areas of {len(curves)} curves" if len(shown) < len(curves) else ""
    axes.set_title(
        f"{title}{few}" if shown else f"{title}\nno curve: no numbers, or images of one {noun} only", fontsize=10
    )
    axes.grid(alpha=0.3)
    if shown:
        figure.legend(loc="outside lower center", fontsize=9)
    return png(figure)
