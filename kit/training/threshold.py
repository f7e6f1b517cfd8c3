"""From which probability on a class counts as found."""

from __future__ import annotations

import decimal
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_DIGITS = decimal.Context(prec=9, rounding=decimal.ROUND_FLOOR)  # nine tell float32 numbers apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The highest probability that finds the wanted share of a class, and what it costs.

    Attributes:
        positive: name of the class.
        wanted: recall that was asked for.
        threshold: an image whose probability is this or more is flagged.
        recall: share of the class's images that are flagged.
        precision: share of the flagged images that are of the class.
        specificity: share of the other images that are not flagged; None without others.
        flagged: share of all images.
        images: all of them.
    """

    positive: str
    wanted: float
    threshold: float
    recall: float
    precision: float
    specificity: float | None
    flagged: float
    images: int

    def __str__(self) -> str:
        """Say all of it in a line."""
        specificity = "" if self.specificity is None else f"specificity {self.specificity:.4f}, "
        return (
            f"threshold {self.threshold:.9g} for class {self.positive}: recall {self.recall:.4f}"
            f" (wanted {self.wanted:g}), precision {self.precision:.4f}, {specificity}"
            f"flags {self.flagged:.1%} of {self.images:,} images"
        )


def find_threshold(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], wanted: float, positive: str
) -> Threshold | None:
    """Find the highest threshold whose recall is `wanted` or more.

    Args:
        truth: bool [n], whether the image is of the class.
        probabilities: float32 [n], of the class; what is not a number is never flagged.
        wanted: recall, above 0 to 1.
        positive: the class's name.

    Returns:
        None where no threshold reaches it: the class has no images, or outputs that are not numbers.
    """
    scores = np.where(np.isfinite(probabilities), probabilities, -1.0)
    found = np.sort(scores[truth & (scores >= 0)])[::-1]
    reached = np.arange(1, len(found) + 1) / max(1, truth.sum()) >= wanted
    if not reached.any():
        return None
    threshold = _rounded_down(found[reached.argmax()])
    flagged = scores >= threshold
    return Threshold(
        positive=positive,
        wanted=wanted,
        threshold=threshold,
        recall=float(flagged[truth].mean()),
        precision=float(truth[flagged].mean()),
        specificity=float((~flagged)[~truth].mean()) if not truth.all() else None,
        flagged=float(flagged.mean()),
        images=len(truth),
    )


def _rounded_down(probability: np.float32) -> float:
    """Write a threshold in nine digits that are not above it: whoever copies them flags the same images."""
    return float(_DIGITS.create_decimal(decimal.Decimal(float(probability))))
