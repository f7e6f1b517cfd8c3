"""Curves of accuracy and loss over the epochs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kit.comparison import Comparison
from kit.comparison.trajectory import Trajectory, on_train, on_validation
from kit.metrics.direction import smaller_is_better
from kit.reports.figure import GREY, line_style, middle_cut, new_figure, png
from kit.runs.history import best_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ARMS = 12  # arms distinct in one picture, and arms with a picture of their own
_HIGHLIGHTED = 6  # lines to highlight of more arms: the baseline and the best
_PANELS = ("accuracy", "loss")
_UNITS = {
    "accuracy": "accuracy (share of images)",
    "loss": "loss (mean)",
    "auc": "area under the ROC curve",
    "precision": "precision (share of the flagged)",
    "recall": "recall (share of the class)",
    "f1": "F1",
}
_PENALIZED = "loss (mean, with weight penalties)"
_THIN, _STEP, _LEVELS = 1.5, 0.7, 3  # line widths in points: an arm below a later, thinner line is still visible
_BAND = 0.15  # opacity
_BACKGROUND: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "zorder": 1}
_INK = 30  # number of lines whose opacities add up to the total for background lines
_LEGEND = 140  # characters of a legend line under four panels
_LINE = 0.25  # inches
_NAME = 120  # characters of an arm's name


def plot_arm(comparison: Comparison, arm: str) -> bytes:
    """Draw one arm's accuracy, loss, compared metric and others, train against validation.

    The mean over the runs is bold in a band of one standard deviation, each run thin; the best epoch of the mean on
    validation is marked.

    Returns:
        A PNG.
    """
    runs = [run for run in comparison.trajectories if run.arm == arm]
    panels = _recorded(dict.fromkeys((*_PANELS, on_train(comparison.metric), *_UNITS)), runs)
    rows = -(-len(panels) // 2)
    figure = new_figure(10, 4 * rows)
    figure.suptitle(f"{arm}  (n = {len(runs)}{'; bands are ± sd' if len(runs) > 1 else ''})")
    grid = figure.subplots(rows, 2, squeeze=False)
    for axes, metric in itertools.zip_longest(grid.flat, panels):
        if metric is None:
            axes.axis("off")
            continue
        _draw(axes, runs, metric, 0, "train")
        _draw(axes, runs, on_validation(metric), 1, "validation")
        _mark_best(axes, runs, on_validation(metric))
        _finish(axes, metric, runs)
        axes.legend()
    return png(figure)


def plot_arms(comparison: Comparison) -> bytes:
    """Draw all arms' mean curves in bands of one standard deviation, train above validation, on shared axes.

    Of more than twelve arms, the baseline and the best six stand out from the others, which are grey. Runs pruned by
    successive halving are thin and end in a cross.

    Returns:
        A PNG.
    """
    arms = [arm.name for arm in comparison.arms]
    names = {arm: f"{middle_cut(arm, _NAME)}{' (baseline)' if arm == comparison.baseline else ''}" for arm in arms}
    shown = arms if len(arms) <= ARMS else comparison.ranked()[: _HIGHLIGHTED + 1]
    metrics = _recorded(dict.fromkeys((*_PANELS, on_train(comparison.metric))), comparison.trajectories)
    columns = max(1, _LEGEND * len(metrics) // len(_PANELS) // (max(len(names[arm]) for arm in shown) + 6))
    figure = new_figure(6 * len(metrics), 7.2 + _LINE * (len(shown) + 2) / columns)
    counts = _range([arm.n for arm in comparison.arms])
    figure.suptitle(f"mean over the runs of each arm (n = {counts}); bands are ± sd")
    panels = figure.subplots(2, len(metrics), sharey="col", sharex=True, squeeze=False)
    for row, (name, title) in zip(panels, ((on_train, "train"), (on_validation, "validation")), strict=True):
        for axes, metric in zip(row, metrics, strict=True):
            for number, arm in enumerate(shown):
                runs = [run for run in comparison.trajectories if run.arm == arm]
                width = _THIN + _STEP * min(len(shown) - 1 - number, _LEVELS)
                _draw_mean(axes, runs, name(metric), number, label=names[arm], width=width)
            _draw_others(axes, comparison, [arm for arm in arms if arm not in shown], name(metric))
            _draw_pruned(axes, comparison.pruned, name(metric))
            _finish(axes, metric, comparison.trajectories)
            axes.set_title(title)
    for axes in panels[0]:
        axes.set_xlabel("")  # the panel below shares the axis
    labels = {
        label: line for axes in panels.flat for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=columns)
    return png(figure)


def _recorded(metrics: Iterable[str], runs: Sequence[Trajectory]) -> list[str]:
    """Choose the metrics that some run recorded on train or validation."""
    recorded = {on_train(name) for run in runs for name in run.metrics}
    return [name for name in metrics if name in recorded]


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
    mean, spread = _mean_and_sd(runs, metric)
    if not len(mean):
        return
    style = line_style(number, len(mean))
    axes.plot(_epochs(mean), mean, linewidth=width, label=label, **style)
    if np.any(spread > 0):
        ends = (mean - spread, mean + spread)
        axes.fill_between(_epochs(mean), *ends, color=style["color"], alpha=_BAND, linewidth=0, zorder=1)


def _draw_others(axes: Axes, comparison: Comparison, arms: Sequence[str], metric: str) -> None:
    """Draw the means of the other arms in grey."""
    others = set(arms)
    runs: dict[str, list[Trajectory]] = {}
    for run in comparison.trajectories:
        if run.arm in others:
            runs.setdefault(run.arm, []).append(run)
    for some in runs.values():
        mean, _ = _mean_and_sd(some, metric)
        axes.plot(_epochs(mean), mean, alpha=_opacity(len(runs)), **_BACKGROUND)
    if runs:
        axes.plot([], [], label=f"{len(runs):,} other arms", **_BACKGROUND)


def _draw_pruned(axes: Axes, pruned: Sequence[Trajectory], metric: str) -> None:
    crossed = {"linestyle": ":", "marker": "x", "markevery": [-1], **_BACKGROUND}
    for run in pruned:
        values = run.metrics.get(metric, [])
        axes.plot(_epochs(values), values, alpha=_opacity(len(pruned)), **crossed)
    if pruned:
        axes.plot([], [], label=f"pruned by halving ({len(pruned):,} runs)", **crossed)


def _opacity(lines: int) -> float:
    return max(0.1, min(0.6, _INK / lines))


def _mark_best(axes: Axes, runs: Sequence[Trajectory], metric: str) -> None:
    mean, _ = _mean_and_sd(runs, metric)
    best = best_epoch(list(mean), smaller_is_better=smaller_is_better(metric))
    if best is not None:
        label = f"best: {mean[best]:.4f}, epoch {best + 1}"
        axes.plot(best + 1, mean[best], "*", color="black", markersize=13, label=label, zorder=5)


def _mean_and_sd(runs: Sequence[Trajectory], metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average over the runs that reached each epoch: runs may have stopped at different epochs.

    Returns:
        Means and sample standard deviations, float64 [epochs] each; the latter is 0 for a single run.
    """
    curves = [values for run in runs if (values := run.metrics.get(metric))]
    reached = [
        [curve[epoch] for curve in curves if epoch < len(curve)] for epoch in range(max(map(len, curves), default=0))
    ]
    mean = np.asarray([np.mean(values) for values in reached], np.float64)
    spread = np.asarray([np.std(values, ddof=1) if len(values) > 1 else 0.0 for values in reached], np.float64)
    return mean, spread


def _range(counts: Sequence[int]) -> str:
    return f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _epochs(values: Sequence[float] | NDArray[np.float64]) -> range:
    return range(1, len(values) + 1)


def _finish(axes: Axes, metric: str, runs: Sequence[Trajectory]) -> None:
    axes.set_xlabel("epoch")
    axes.set_ylabel(axis_label(metric, runs))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)


def axis_label(metric: str, runs: Sequence[Trajectory]) -> str:
    """Label an axis; a loss includes weight penalties if some run's settings have them."""
    is_penalized = any(run.spec is not None and run.spec.model.dense_l2 > 0 for run in runs)
    return _PENALIZED if metric == "loss" and is_penalized else _UNITS.get(metric, metric)
