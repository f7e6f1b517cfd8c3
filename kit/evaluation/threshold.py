"""Decision thresholds on the probability of a class."""

from __future__ import annotations

import decimal
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kit.errors import require

Goal = Literal["recall", "best-f1", "best-accuracy"]

_BEST: dict[str | float, Goal] = {"best-f1": "best-f1", "best-accuracy": "best-accuracy"}
_DIGITS = decimal.Context(prec=9, rounding=decimal.ROUND_FLOOR)  # nine digits distinguish float32 numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A decision threshold on the probability of a class, and the resulting metrics.

    Attributes:
        positive: Name of the class.
        goal: Goal of the choice: the highest threshold that reaches a recall, or that of the best F1 or accuracy.
        wanted: Recall to reach; None for other goals.
        threshold: Lowest probability with which an image is flagged.
        recall: Share of the class's images that are flagged.
        precision: Share of the flagged images that are of the class.
        specificity: Share of the other images that are not flagged; None without others.
        f1: Harmonic mean of precision and recall.
        accuracy: Share of all images that are correctly flagged or correctly not flagged.
        flagged: Share of all images that are flagged.
        images: Number of all images.
    """

    positive: str
    goal: Goal = "recall"
    wanted: float | None = None
    threshold: float
    recall: float
    precision: float
    specificity: float | None
    f1: float
    accuracy: float
    flagged: float
    images: int

    def __str__(self) -> str:
        """Describe the threshold in one line."""
        wanted = "" if self.wanted is None else f" (wanted {self.wanted:g})"
        figures = [
            *([f"F1 {self.f1:.4f} (the best)"] if self.goal == "best-f1" else []),
            *([f"accuracy {self.accuracy:.4f} (the best)"] if self.goal == "best-accuracy" else []),
            f"recall {self.recall:.4f}{wanted}",
            f"precision {self.precision:.4f}",
            *([] if self.specificity is None else [f"specificity {self.specificity:.4f}"]),
            f"flags {self.flagged:.1%} of {self.images:,} images",
        ]
        return f"threshold {self.threshold:.9g} for class {self.positive}: {', '.join(figures)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Goal of a threshold that is chosen on images that the runs were not trained on."""

    goal: Goal
    recall: float | None = None

    def choose(self, truth: NDArray[np.bool_], probabilities: NDArray[np.float32], positive: str) -> Threshold | None:
        """Choose a threshold; see `find_threshold` and `best_threshold`."""
        if self.recall is not None:
            return find_threshold(truth, probabilities, self.recall, positive)
        return best_threshold(truth, probabilities, self.goal, positive)

    def crossed_accuracy(
        self, truth: NDArray[np.bool_], probabilities: NDArray[np.float32], folds: NDArray[np.int32]
    ) -> float | None:
        """Cross-validate the choice: the images of each fold are flagged with the threshold of the other folds.

        Args:
            truth: Bool [n], whether the image is of the class.
            probabilities: Float32 [n], probability of the class.
            folds: Int32 [n], fold of each image.

        Returns:
            Share of images that are correctly flagged or correctly not flagged; None for a single fold, or if the
            other folds of one have no threshold.
        """
        flagged = np.empty_like(truth)
        for fold in np.unique(folds):
            others = folds != fold
            chosen = self.choose(truth[others], probabilities[others], "") if others.any() else None
            if chosen is None:
                return None
            flagged[~others] = probabilities[~others] >= chosen.threshold
        return float((flagged == truth).mean())


def parse_threshold(asked: str | float | None) -> float | Wanted | None:
    """Read a probability, "best-f1", "best-accuracy", or "recall:0.95".

    Raises:
        SpecError: The value is none of these.
    """
    if asked is None:
        return None
    if asked in _BEST:
        return Wanted(_BEST[asked])
    goal, _, number = str(asked).rpartition(":")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if goal == "recall":
        require(0 < value <= 1, f"threshold {asked}: a recall is above 0 and at most 1, as in recall:0.95")
        return Wanted("recall", value)
    known = "a probability, best-f1, best-accuracy, or recall:0.95"
    require(not goal and not math.isnan(value), f"threshold must be {known}, got '{asked}'")
    require(0 <= value <= 1, f"threshold must be in [0, 1], got {value}")
    return value


def find_threshold(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], wanted: float, positive: str
) -> Threshold | None:
    """Find the highest threshold whose recall is `wanted` or more.

    Args:
        truth: Bool [n], whether the image is of the class.
        probabilities: Float32 [n], probability of the class; an image with NaN is never flagged.
        wanted: Recall to reach, above 0 to 1.
        positive: Name of the class.

    Returns:
        The threshold; None if none reaches the recall: the class has no images, or outputs that are not numbers.
    """
    scores = _numbers(probabilities)
    found = np.sort(scores[truth & (scores >= 0)])[::-1]
    reached = np.arange(1, len(found) + 1) / max(1, truth.sum()) >= wanted
    if not reached.any():
        return None
    return _at(_rounded_down(found[reached.argmax()]), truth, scores, positive, goal="recall", wanted=wanted)


def best_threshold(
    truth: NDArray[np.bool_], probabilities: NDArray[np.float32], goal: Goal, positive: str
) -> Threshold | None:
    """Find the threshold of the best F1 or accuracy among those that flag an image; the highest one in a tie.

    Args:
        truth: Bool [n], whether the image is of the class.
        probabilities: Float32 [n], probability of the class; an image with NaN is never flagged.
        goal: "best-f1" or "best-accuracy".
        positive: Name of the class.

    Returns:
        The threshold; None if the class has no images, or no output is a number.
    """
    scores = _numbers(probabilities)
    values = np.unique(scores[scores >= 0])[::-1]
    if not len(values) or not truth.any():
        return None
    ascending = np.sort(scores), np.sort(scores[truth])
    flagged, found = (len(part) - np.searchsorted(part, values) for part in ascending)
    # for accuracy: the number of correct images less a constant
    figures = 2 * found / (flagged + truth.sum()) if goal == "best-f1" else 2 * found - flagged
    return _at(_rounded_down(values[figures.argmax()]), truth, scores, positive, goal=goal)


def _numbers(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.where(np.isfinite(probabilities), probabilities, -1.0), np.float32)


def _at(
    threshold: float,
    truth: NDArray[np.bool_],
    scores: NDArray[np.float32],
    positive: str,
    *,
    goal: Goal,
    wanted: float | None = None,
) -> Threshold:
    flagged = scores >= threshold
    found = int((flagged & truth).sum())
    return Threshold(
        positive=positive,
        goal=goal,
        wanted=wanted,
        threshold=threshold,
        recall=float(flagged[truth].mean()),
        precision=float(truth[flagged].mean()),
        specificity=float((~flagged)[~truth].mean()) if not truth.all() else None,
        f1=2 * found / int(flagged.sum() + truth.sum()),
        accuracy=float((flagged == truth).mean()),
        flagged=float(flagged.mean()),
        images=len(truth),
    )


def _rounded_down(probability: np.float32) -> float:
    """Round a threshold down to nine digits, so that the printed value flags the same images."""
    return float(_DIGITS.create_decimal(decimal.Decimal(float(probability))))
