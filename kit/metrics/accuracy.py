"""Shares of right decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, mean, ratio
from kit.metrics.counts import count
from kit.metrics.declaration import LABELS, registered
from kit.metrics.forms import by_means


def _are_right(truth: NDArray[Any], decisions: NDArray[Any]) -> NDArray[Any]:
    right = truth == decisions
    return np.asarray(right if right.ndim == 1 else right.all(axis=1))


@registered("accuracy", judges="decisions", targets=LABELS | {"tags"}, form_of_weights=by_means(_are_right))
def accuracy(truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Share of right decisions; of tags, of images whose tags are all right and none more (exact match).

    Higher is better; classes, grades and tags; judges decisions.

    Right decisions / images. Used by cassava-leaf-disease-classification, paddy-disease-classification.
    """
    return float(mean(_are_right(truth, decisions), weights))


@registered("balanced_accuracy", judges="decisions", targets=LABELS, takes_columns=True)
def balanced_accuracy(
    truth: NDArray[Any], decisions: NDArray[Any], weights: ImageWeights = None, *, columns: tuple[str, ...] = ()
) -> ScoreValues:
    """Recall, the mean over the classes that have images.

    Higher is better; classes and grades; judges decisions.

    Mean of hits / images of each class (Mosley 2013, A balanced approach to the multi-class imbalance
    problem). A class without images is left out. Used by UBC-OCEAN.
    """
    counts = count(truth, decisions, weights, len(columns))
    return ratio(counts.hits, counts.actual)  # type: ignore[no-any-return]
