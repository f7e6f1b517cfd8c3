"""Measures of predicted classes or grades beside the true ones."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.evaluation.calibration import Calibration, calibrate
from kit.evaluation.confusion import (
    ConfusedPair,
    class_support,
    classification_report,
    confused_pairs,
    confusion_matrix,
)
from kit.evaluation.measures import Measures
from kit.evaluation.mistakes import mistakes_in
from kit.evaluation.roc import Curve, Kind, ranking_curves
from kit.evaluation.threshold import Threshold, find_threshold
from kit.targets.top_classes import MOST


@dataclass(frozen=True, kw_only=True)
class ClassMeasures(Measures):
    """Measures of predictions of one class or grade an image; see `Measures` for what every target has."""

    kind: ClassVar[str] = "classes"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or grades."""
        return self.names

    @property
    def positive(self) -> int | None:
        """Index of the class that curves, calibration and threshold are about; None for all of more than two."""
        return self.focus.positive

    @property
    def wanted(self) -> float | None:
        """Recall that a threshold was asked for; None where none was."""
        return self.focus.recall

    @property
    def noun(self) -> str:
        """Word for one of them, "class" or "grade"."""
        return self.scores.target.noun

    @property
    def has_chances(self) -> bool:
        """Whether there is a probability of each class or grade, not a number or the likeliest of many classes."""
        return self.scores.have_all

    @property
    def has_matrix(self) -> bool:
        """Whether there are few enough classes for a confusion matrix, 1,000; of more there are pairs only."""
        return len(self.classes) <= MOST

    @property
    def accuracy(self) -> float:
        """Share of images whose class or grade, as decided, is the true one."""
        return self.scores.accuracy

    @functools.cached_property
    def confusion(self) -> NDArray[np.int64]:
        """Int [classes, classes]; rows are the true classes. Images whose outputs are no numbers are not in it."""
        return confusion_matrix(self.scores, len(self.classes))

    @functools.cached_property
    def confused(self) -> list[ConfusedPair]:
        """Pairs of confused classes, those of most images first."""
        return confused_pairs(self.scores, len(self.classes))

    @property
    def support(self) -> NDArray[np.int64]:
        """Images of each true class, int [classes]."""
        return class_support(self.scores, len(self.classes))

    @property
    def absent(self) -> list[str]:
        """Names of the classes that no image of the split has; means over classes leave out those not predicted."""
        return [name for name, images in zip(self.classes, self.support.tolist(), strict=True) if not images]

    @property
    def confusion_shares(self) -> NDArray[np.float64]:
        """Float [classes, classes]: the confusion matrix, each row divided by the images of its class."""
        return np.asarray(self.confusion / np.maximum(self.support, 1)[:, None])

    @functools.cached_property
    def report(self) -> dict[str, dict[str, float]]:
        """Precision, recall, f1-score and support of each class and their averages, as scikit-learn gives them."""
        return classification_report(self.scores, self.classes)

    @functools.cached_property
    def auc(self) -> float | None:
        """Area under the ROC curve: of two classes, or the mean of each class against the rest.

        Classes that the split lacks are left out, see `absent`. None where an output is not a number, and without the
        probability of each class.
        """
        return self.scores.auc if self.has_chances else None

    def curves(self, kind: Kind) -> list[Curve]:
        """Compute the curve of each class against the rest; of two classes that of `positive`."""
        return ranking_curves(kind, self.scores, self.classes, self._curved)

    @functools.cached_property
    def calibration(self) -> Calibration:
        """Calibration of the probability of `positive`, or of the likeliest class where that is None."""
        numbers = self.scores.are_numbers
        if self.positive is None:
            likeliest = self.scores.probabilities.argmax(axis=1)  # also where a rule decides for another
            of, truth, probabilities = (
                f"the likeliest {self.noun}",
                likeliest == self.scores.labels,
                self.scores.confidence,
            )
        else:
            of, truth = self.classes[self.positive], self.scores.labels == self.positive
            probabilities = self.scores.probabilities[:, self.positive]
        return calibrate(f"probability of {of}", truth[numbers], np.clip(probabilities[numbers], 0, 1))

    @functools.cached_property
    def threshold(self) -> Threshold | None:
        """Highest threshold that reaches `wanted`; None where none was asked for, or none does."""
        if self.wanted is None or self.positive is None:
            return None
        truth, probabilities = self.scores.labels == self.positive, self.scores.probabilities[:, self.positive]
        return find_threshold(truth, probabilities, self.wanted, self.classes[self.positive])

    @functools.cached_property
    def mistakes(self) -> list[int]:
        """Indices of the mislabelled images, the most confident mistakes first."""
        return mistakes_in(self.scores)

    def figures(self) -> dict[str, Any]:
        """All but the images; NaN becomes null in evaluation.json."""
        return {
            **super().figures(),
            "accuracy": self.accuracy,
            **(self._figures_of_chances() if self.has_chances else {}),
            "mislabelled": {"images": len(self.mistakes), "share": len(self.mistakes) / self.images},
            **self._figures_of_mistakes(),
            "report": self.report,
            "threshold": None if self.threshold is None else dataclasses.asdict(self.threshold),
        }

    def _figures_of_chances(self) -> dict[str, Any]:
        return {
            "loss": self.scores.loss,
            "auc": self.auc,
            "roc_auc": {curve.name: curve.area for curve in self.curves("ROC")},
            "average_precision": {curve.name: curve.area for curve in self.curves("precision-recall")},
            "calibration_error": self.calibration.error,
        }

    def _figures_of_mistakes(self) -> dict[str, Any]:
        if not self.has_matrix:
            return {"confused": [pair._asdict() for pair in self.confused]}
        return {"confusion": self.confusion.tolist(), "confusion_shares": self.confusion_shares.tolist()}

    @property
    def _curved(self) -> list[int]:
        """Places of the classes that have curves: of two, each mirrors the other."""
        two = len(self.classes) == 2  # noqa: PLR2004
        return [self.positive] if two and self.positive is not None else list(range(len(self.classes)))
