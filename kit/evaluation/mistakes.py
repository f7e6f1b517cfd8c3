"""Mistakes: misclassified images."""

from __future__ import annotations

import numpy as np

from kit.inference.predictions import Predictions


def mistakes_in(scores: Predictions) -> list[int]:
    """List the indices of misclassified images, the most confident mistakes first, outputs that are not numbers last.

    Args:
        scores: Predictions of all images.
    """
    confidence = np.where(scores.are_numbers, scores.confidence, -1.0)
    indices = np.flatnonzero(scores.mislabelled)
    return [int(index) for index in indices[np.argsort(-confidence[indices], kind="stable")]]
