"""Whether probabilities mean what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

from kit.reports.figure import BLUE, GREY, new_figure, png
from kit.reports.table import NOTHING, Table

BINS = 10  # of equal width


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Probabilities in bins of equal width, against what came true.

    Attributes:
        of: whose probability it is.
        images: int [BINS]; a probability on the edge of two bins counts in the lower.
        predicted: float [BINS], mean probability; NaN in an empty bin.
        observed: float [BINS], share that came true; NaN in an empty bin.
    """

    of: str
    images: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]

    @property
    def error(self) -> float | None:
        """Expected calibration error: the mean distance of a bin's two figures, by its images (Guo et al. 2017,
        arXiv:1706.04599); None without images.
        """  # noqa: D205 (one sentence)
        total = int(self.images.sum())
        return float(np.nansum(self.images * np.abs(self.observed - self.predicted))) / total if total else None

    def table(self) -> Table:
        """Lay out a row a bin."""
        edges = np.linspace(0, 1, BINS + 1)
        rows = tuple(
            (f"{low:.1f} to {high:.1f}", f"{count:,}", *(_share(value) for value in pair))
            for low, high, count, *pair in zip(
                edges[:-1], edges[1:], self.images, self.predicted, self.observed, strict=True
            )
        )
        return Table(f"calibration: {self.of}", ("bin", "images", "mean probability", "share that came true"), rows)


def calibrate(of: str, truth: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> Calibration:
    """Sort n probabilities into bins, by scikit-learn.

    Args:
        of: whose probability it is.
        truth: bool [n], what came true.
        probabilities: float32 [n], all of them numbers.
    """
    # As scikit-learn bins them; it leaves out the empty ones and does not say how full the others are.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probabilities)
    images = np.bincount(bins, minlength=BINS)
    predicted, observed = np.full(BINS, np.nan), np.full(BINS, np.nan)
    if len(truth):
        full = images > 0
        observed[full], predicted[full] = calibration_curve(truth, probabilities, n_bins=BINS, pos_label=True)
    return Calibration(of=of, images=images, predicted=predicted, observed=observed)


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
