"""ROC and precision-recall curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from kit.inference.predictions import Predictions
from kit.metrics.auc import area_under_roc

Kind = Literal["ROC", "precision-recall"]

KINDS: tuple[Kind, ...] = ("ROC", "precision-recall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Curve of one class against the rest.

    Attributes:
        name: Name of the class.
        images: Number of images of the class.
        thresholds: Thresholds, float [points]; infinite where no image is flagged.
        x: False positive rate or recall, float [points].
        y: Recall or precision, float [points].
        area: Area under the ROC curve, or average precision.
    """

    name: str
    images: int
    thresholds: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: float


def ranking_curves(kind: Kind, scores: Predictions, classes: Sequence[str], indices: Sequence[int]) -> list[Curve]:
    """Compute the curves of the classes at `indices`, with scikit-learn.

    Images whose outputs are not numbers are left out, and so are classes that then have no images, or all images.

    Args:
        kind: Kind of the curves.
        scores: Predictions of all images.
        classes: Names of all classes.
        indices: Indices of the classes with a curve.
    """
    numbers = scores.are_numbers
    labels, probabilities = scores.labels[numbers], scores.probabilities[numbers]
    curves: list[Curve] = []
    for index in indices:
        truth, column = labels == index, probabilities[:, index]
        if not 0 < truth.sum() < len(truth):
            continue
        if kind == "ROC":
            x, y, thresholds = metrics.roc_curve(truth, column)
            area = area_under_roc(truth, column)
        else:
            y, x, thresholds = metrics.precision_recall_curve(truth, column, drop_intermediate=True)
            thresholds = np.append(thresholds, np.inf)  # scikit-learn has none for the last point: no image is flagged
            area = metrics.average_precision_score(truth, column)
        images = int(truth.sum())
        curves.append(Curve(name=classes[index], images=images, thresholds=thresholds, x=x, y=y, area=float(area)))
    return curves
