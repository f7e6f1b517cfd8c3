"""Calibration as a table and as a reliability diagram."""

from __future__ import annotations

import numpy as np

from kit.evaluation.calibration import BINS, Calibration
from kit.reports.figure import BLUE, GREY, new_figure, png
from kit.reports.table import NOTHING, Table


def calibration_table(calibration: Calibration) -> Table:
    """Build the table, one row per bin."""
    edges = np.linspace(0, 1, BINS + 1)
    rows = tuple(
        (f"{low:.1f} to {high:.1f}", f"{count:,}", *(_share(value) for value in pair))
        for low, high, count, *pair in zip(
            edges[:-1], edges[1:], calibration.images, calibration.predicted, calibration.observed, strict=True
        )
    )
    return Table(f"calibration: {calibration.of}", ("bin", "images", "mean probability", "share that came true"), rows)


def plot_calibration(calibration: Calibration, title: str) -> bytes:
    """Draw a reliability diagram above the number of images in each bin.

    Returns:
        A PNG.
    """
    figure = new_figure(6.4, 7)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1.2, label="as it should be")
    full = calibration.images > 0
    above.plot(calibration.predicted[full], calibration.observed[full], "o-", color=BLUE, label="this run")
    above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    above.set_ylabel("share that came true")
    above.legend(loc="upper left")
    error = "no numbers" if calibration.error is None else f"expected calibration error {calibration.error:.4f}"
    above.set_title(f"{title}\n{error}", fontsize=10, parse_math=False)
    centres = (np.arange(BINS) + 0.5) / BINS
    bars = below.bar(centres, calibration.images, width=0.9 / BINS, color=BLUE)
    below.bar_label(bars, [f"{count:,}" for count in calibration.images], fontsize=8, padding=2)
    below.set_ylim(0, 1.2 * max(1, calibration.images.max()))
    below.set_ylabel("images")
    below.set_xlabel(f"{calibration.of} (10 bins)")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    return png(figure)


def _share(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:.4f}"
