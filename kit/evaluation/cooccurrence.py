"""Tags that images have together, true and decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.inference.predictions import Predictions
from kit.targets.top_classes import MOST

_BLOCK = 4096  # images whose marks are multiplied at a time: float32 counts them exactly


class TagPair(NamedTuple):
    """Two tags and the images that have both.

    Attributes:
        first: Index of a tag.
        second: Index of a tag after it.
        true: Number of images that have both.
        decided: Number of images for which both are decided.
    """

    first: int
    second: int
    true: int
    decided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooccurrence:
    """Numbers of images that have two tags.

    Attributes:
        tags: Indices of the m tags, int [m] ascending: all, or of more than 1,000 those of most images.
        true: Images that have both tags, int [m, m]; on the diagonal those that have the tag.
        decided: Images for which both tags are decided, int [m, m].
    """

    tags: NDArray[np.int64]
    true: NDArray[np.int64]
    decided: NDArray[np.int64]

    def pairs(self) -> list[TagPair]:
        """List the pairs that some image has, or for which both are decided; those whose counts differ most first."""
        first, second = np.nonzero(np.triu(self.true + self.decided, 1))
        true, decided = self.true[first, second], self.decided[first, second]
        order = np.lexsort((-true, -np.abs(true - decided)))
        rows = np.stack([self.tags[first], self.tags[second], true, decided], axis=1)[order].tolist()
        return [TagPair(*row) for row in rows]


def cooccurrence(scores: Predictions) -> Cooccurrence:
    """Count the images that have two tags.

    Args:
        scores: Predictions of tags.
    """
    truth, decided = scores.labels.astype(bool), scores.predicted.astype(bool)
    tags = _commonest(truth, decided)
    return Cooccurrence(tags=tags, true=_joint(truth[:, tags]), decided=_joint(decided[:, tags]))


def _commonest(truth: NDArray[np.bool_], decided: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Choose the tags of most images, true or decided, at most 1,000: their pairs fit into memory."""
    counts = truth.sum(axis=0) + decided.sum(axis=0)
    return np.sort(np.argsort(-counts, kind="stable")[:MOST])


def _joint(marks: NDArray[np.bool_]) -> NDArray[np.int64]:
    counts = np.zeros((marks.shape[1],) * 2, np.int64)
    for start in range(0, len(marks), _BLOCK):
        block: NDArray[Any] = marks[start : start + _BLOCK].astype(np.float32)
        counts += (block.T @ block).astype(np.int64)
    return counts
