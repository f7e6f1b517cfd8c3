"""Calibration: predicted probabilities against observed frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve

BINS = 10  # of equal width


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Predicted probabilities and observed frequencies in bins of equal width.

    Attributes:
        of: Name of the probability.
        images: Number of images in each bin, int [BINS]; a probability on the edge of two bins counts in the lower.
        predicted: Mean probability, float [BINS]; NaN in an empty bin.
        observed: Observed frequency, float [BINS]; NaN in an empty bin.
    """

    of: str
    images: NDArray[np.int64]
    predicted: NDArray[np.float64]
    observed: NDArray[np.float64]

    @property
    def error(self) -> float | None:
        """Expected calibration error: mean distance of predicted and observed, weighted by images (Guo et al. 2017,
        arXiv:1706.04599); None without images.
        """  # noqa: D205 (one sentence)
        total = int(self.images.sum())
        return float(np.nansum(self.images * np.abs(self.observed - self.predicted))) / total if total else None


def calibrate(of: str, truth: NDArray[np.bool_], probabilities: NDArray[np.float32]) -> Calibration:
    """Compute the calibration of n probabilities, with scikit-learn.

    Args:
        of: Name of the probability.
        truth: Outcomes, bool [n].
        probabilities: Probabilities, float32 [n]; no NaN.
    """
    # scikit-learn's bins; it leaves out empty ones and does not return the counts of the others.
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probabilities)
    images = np.bincount(bins, minlength=BINS)
    predicted, observed = np.full(BINS, np.nan), np.full(BINS, np.nan)
    if len(truth):
        full = images > 0
        observed[full], predicted[full] = calibration_curve(truth, probabilities, n_bins=BINS, pos_label=True)
    return Calibration(of=of, images=images, predicted=predicted, observed=observed)
