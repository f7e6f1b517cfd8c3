"""Mistakes: misclassified images."""

from __future__ import annotations

import numpy as np

from kit.inference.predictions import Predictions


def mistakes_in(scores: Predictions) -> list[int]:
    """List the indices of misclassified images, the most confident mistakes first, outputs that are not numbers last.

    Where the outputs are numbers, those that are farthest from the true grade come first.

    Args:
        scores: Predictions of all images.
    """
    confidence = scores.confidence if scores.are_probabilities else np.abs(scores.outputs[:, 0] - scores.labels)
    confidence = np.where(scores.are_numbers, confidence, -1.0)
    indices = np.flatnonzero(scores.mislabelled)
    return [int(index) for index in indices[np.argsort(-confidence[indices], kind="stable")]]
