"""Curve and CSV of a learning-rate range test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kit.arguments import checked_arguments
from kit.files import write_whole
from kit.reports.figure import BLUE, GREY, ORANGE, new_figure, png
from kit.reports.table import Table
from kit.training.lr_curve import RangeTest
from kit.training.lr_range_test import FoundRates

_ROOM = 0.15  # margins above and below the curve


@checked_arguments
def write_range_test(found: FoundRates) -> tuple[Path, Path]:
    """Write a range test to runs/learning-rates/ of its workspace.

    Args:
        found: Range test to write.

    Returns:
        Paths of a PNG of the curve and a CSV of rate, loss and smoothed loss.
    """
    picture, table = (found.base.with_name(f"{found.base.name}{ending}") for ending in (".png", ".csv"))
    spec = found.spec
    write_whole(table, _table(found.test).csv())
    write_whole(picture, plot_rates(found.test, f"{spec.dataset}, {spec.arm}, {spec.train.optimizer}"))
    return picture, table


def plot_rates(test: RangeTest, title: str) -> bytes:
    """Draw the loss over the learning rate: each step thin, the smoothed curve bold, the suggestion dashed.

    Returns:
        A PNG.
    """
    figure = new_figure(8, 4.5)
    axes = figure.subplots()
    smoothed = test.smoothed
    axes.plot(test.rates, test.losses, color=GREY, linewidth=0.8, alpha=0.6, label="each batch")
    axes.plot(test.rates, smoothed, color=BLUE, linewidth=2, label="smoothed")
    lowest = f"lowest: {test.lowest:.2g}"
    axes.plot(test.lowest, smoothed.min(), "*", color="black", markersize=13, label=lowest, zorder=5)
    if test.suggestion is not None:
        label = f"suggested: {test.suggestion:g}"
        axes.axvline(test.suggestion, color=ORANGE, linestyle="--", linewidth=1.5, label=label)
    low, high = float(smoothed.min()), float(np.quantile(np.minimum(test.losses, 2 * test.beginning), 0.98))
    room = _ROOM * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss of the batch")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    return png(figure)


def _table(test: RangeTest) -> Table:
    rows = zip(test.rates, test.losses, test.smoothed.tolist(), strict=True)
    return Table(
        "", ("learning_rate", "loss", "smoothed"), tuple(tuple(f"{value:.9g}" for value in row) for row in rows)
    )
