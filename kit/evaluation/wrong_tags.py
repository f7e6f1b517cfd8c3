"""Images with wrong tags: missed ones and ones too many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.inference.predictions import SMALLEST, Predictions


class WrongTags(NamedTuple):
    """An image whose tags, as decided, are not the true ones.

    Attributes:
        image: Index of the image.
        missed: Indices of the tags that it has and that are not decided for.
        extra: Indices of the tags that are decided for and that it lacks.
        loss: Cross-entropy of its tags, the mean over them in nats; NaN if an output is not a number.
    """

    image: int
    missed: tuple[int, ...]
    extra: tuple[int, ...]
    loss: float


def wrong_tags(scores: Predictions) -> list[WrongTags]:
    """List the images with wrong tags by loss, the highest first, outputs that are not numbers last.

    Args:
        scores: Predictions of tags.
    """
    truth, decided = scores.labels.astype(bool), scores.predicted.astype(bool)
    indices = np.flatnonzero((truth != decided).any(axis=1))
    losses = _losses(truth[indices], scores.outputs[indices])
    order = np.argsort(-losses, kind="stable")  # NaN last
    return [
        WrongTags(index, _marked(truth[index] & ~decided[index]), _marked(decided[index] & ~truth[index]), loss)
        for index, loss in zip(indices[order].tolist(), losses[order].tolist(), strict=True)
    ]


def _losses(truth: NDArray[np.bool_], chances: NDArray[np.float32]) -> NDArray[np.float64]:
    own = np.where(truth, chances, 1 - chances).astype(np.float64)
    return np.asarray(-np.log(np.clip(own, SMALLEST, 1 - SMALLEST)).mean(axis=1))


def _marked(marks: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(marks).tolist())
