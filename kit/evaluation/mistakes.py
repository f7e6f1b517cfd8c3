"""Mistakes: misclassified images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.inference.predictions import Predictions


def mistakes_in(scores: Predictions) -> list[int]:
    """List the indices of misclassified images, the most confident mistakes first, outputs that are not numbers last.

    Args:
        scores: Predictions of all images, as probabilities.
    """
    return _descending(scores, scores.confidence)


def farthest_mistakes(scores: Predictions) -> list[int]:
    """List the indices of images of another grade than the true one, the farthest first, those without a number last.

    Numbers are compared with the true grade; of probabilities, the decided grade is, and of equally far ones the
    expected grade.

    Args:
        scores: Predictions of grades of all images.
    """
    apart = np.abs(scores.target.numbers(scores.outputs) - scores.labels)
    if not scores.are_probabilities:
        return _descending(scores, apart)
    return _descending(scores, np.abs(scores.predicted - scores.labels) + apart / len(scores.target.names))


def _descending(scores: Predictions, sizes: NDArray[Any]) -> list[int]:
    sizes = np.where(scores.are_numbers, sizes, -1.0)
    indices = np.flatnonzero(scores.mislabelled)
    return [int(index) for index in indices[np.argsort(-sizes[indices], kind="stable")]]
