"""Accuracy and loss over the epochs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from kit.ablation import Comparison
from kit.ablation.histories import Trajectory
from kit.reports.figure import line_style, new_figure, png
from kit.runs.history import best_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = ("accuracy", "loss")
_UNITS = {
    "accuracy": "accuracy (share of images)",
    "loss": "loss (mean, with weight penalties)",
    "auc": "area under the ROC curve",
    "precision": "precision (share of the flagged)",
    "recall": "recall (share of the class)",
    "f1": "F1",
}
_THIN, _STEP, _LEVELS = 1.5, 0.7, 3  # line widths, points: an arm that lies under a later, thinner one is still seen
_LEGEND = 140  # characters that a legend line under four panels holds


def plot_arm(comparison: Comparison, arm: str) -> bytes:
    """Draw one arm's accuracy, loss and other metrics, train against validation: the mean bold, each run thin.

    The best epoch of the mean on validation is marked.

    Returns:
        A PNG.
    """
    runs = [run for run in comparison.trajectories if run.arm == arm]
    recorded = {name for run in runs for name in run.metrics}
    panels = [*_PANELS, *(name for name in _UNITS if name not in _PANELS and f"val_{name}" in recorded)]
    rows = -(-len(panels) // 2)
    figure = new_figure(10, 4 * rows)
    figure.suptitle(f"{arm}  (n = {len(runs)})")
    grid = figure.subplots(rows, 2, squeeze=False)
    for axes, metric in itertools.zip_longest(grid.flat, panels):
        if metric is None:
            axes.axis("off")
            continue
        _draw(axes, runs, metric, 0, "train")
        _draw(axes, runs, f"val_{metric}", 1, "validation")
        _mark_best(axes, runs, f"val_{metric}")
        _finish(axes, metric)
        axes.legend()
    return png(figure)


def plot_arms(comparison: Comparison) -> bytes:
    """Draw all arms' mean curves, train above validation, on shared axes.

    Returns:
        A PNG.
    """
    arms = [arm.name for arm in comparison.arms]
    figure = new_figure(12, 7.5)
    figure.suptitle(f"mean over the runs of each arm (n = {_range([arm.n for arm in comparison.arms])})")
    panels = figure.subplots(2, 2, sharey="col", sharex=True)
    for row, (prefix, title) in zip(panels, (("", "train"), ("val_", "validation")), strict=True):
        for axes, metric in zip(row, _PANELS, strict=True):
            for number, arm in enumerate(arms):
                runs = [run for run in comparison.trajectories if run.arm == arm]
                width = _THIN + _STEP * min(len(arms) - 1 - number, _LEVELS)
                _draw_mean(axes, runs, prefix + metric, number, label=arm, width=width)
            _finish(axes, metric)
            axes.set_title(title)
    for axes in panels[0]:
        axes.set_xlabel("")  # the panel below shares it
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=max(1, _LEGEND // (max(map(len, arms)) + 6)))
    return png(figure)


def _draw(axes: Axes, runs: Sequence[Trajectory], metric: str, number: int, label: str) -> None:
    if len(runs) > 1:
        for run in runs:
            values = run.metrics.get(metric, [])
            thin = line_style(number, len(values)) | {"marker": "", "linewidth": 0.8, "alpha": 0.35}
            axes.plot(_epochs(values), values, **thin)
    _draw_mean(axes, runs, metric, number, label=label)


def _draw_mean(
    axes: Axes, runs: Sequence[Trajectory], metric: str, number: int, *, label: str, width: float = 2
) -> None:
    mean = _mean([run.metrics[metric] for run in runs if run.metrics.get(metric)])
    if mean:
        axes.plot(_epochs(mean), mean, linewidth=width, label=label, **line_style(number, len(mean)))


def _mark_best(axes: Axes, runs: Sequence[Trajectory], metric: str) -> None:
    mean = _mean([run.metrics[metric] for run in runs if run.metrics.get(metric)])
    best = best_epoch(mean, smaller_is_better=metric == "val_loss")
    if best is not None:
        label = f"best: {mean[best]:.4f}, epoch {best + 1}"
        axes.plot(best + 1, mean[best], "*", color="black", markersize=13, label=label, zorder=5)


def _mean(curves: Sequence[Sequence[float]]) -> list[float]:
    """Average over the runs that got as far: runs may have stopped at different epochs."""
    longest = max((len(curve) for curve in curves), default=0)
    return [float(np.mean([curve[epoch] for curve in curves if epoch < len(curve)])) for epoch in range(longest)]


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _epochs(values: Sequence[float]) -> range:
    return range(1, len(values) + 1)


def _finish(axes: Axes, metric: str) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(_UNITS[metric])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
