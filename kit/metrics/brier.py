"""The Brier score: squared errors of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import TWO, ImageWeights, ScoreValues, mean
from kit.metrics.declaration import LABELS, registered
from kit.metrics.forms import by_means


def _squares(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    if truth.ndim == 1 and probabilities.shape[1] > TWO:
        errors = probabilities.astype(np.float64)
        errors[np.arange(len(truth)), truth] -= 1
        return np.asarray((errors**2).sum(axis=1))
    second = probabilities if truth.ndim == TWO else probabilities[:, 1]
    return np.asarray((second - truth.astype(np.float64)) ** 2)


@registered(
    "brier", direction="min", judges="probabilities", targets=LABELS | {"tags"}, form_of_weights=by_means(_squares)
)
def brier(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Mean squared error of probabilities: of the second of two classes; of more the sum over them; of tags the mean.

    Lower is better; classes, grades and tags; judges probabilities.

    Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2: from 0 to 2 for more than two classes, else to 1.
    """
    return mean(_squares(truth, probabilities), weights)  # type: ignore[no-any-return]
