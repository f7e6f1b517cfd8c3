"""Number of tags of an image, true and decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.inference.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Cardinality:
    """Number of tags of each image.

    Attributes:
        true: Number of tags of each image, int [n].
        decided: Number of tags decided for each image, int [n].
    """

    true: NDArray[np.int64]
    decided: NDArray[np.int64]

    @property
    def means(self) -> tuple[float, float]:
        """Mean numbers of tags of an image, true and decided."""
        return float(self.true.mean()), float(self.decided.mean())

    def joint(self) -> list[tuple[int, int, int]]:
        """Count images by true and by decided number of tags, ascending, without zeros."""
        found, counts = np.unique(np.stack([self.true, self.decided]), axis=1, return_counts=True)
        return [tuple(row) for row in np.concatenate([found, counts[None]]).T.tolist()]

    def matrix(self, most: int) -> NDArray[np.int64]:
        """Count images by true (rows) and decided number of tags: int [m, m], m at most `most` + 1.

        Args:
            most: Number that stands for itself and all larger ones.
        """
        true, decided = (np.minimum(each, most) for each in (self.true, self.decided))
        size = int(max(true.max(), decided.max())) + 1
        return np.bincount(true * size + decided, minlength=size * size).reshape(size, size)


def cardinality(scores: Predictions) -> Cardinality:
    """Count the tags of each image.

    Args:
        scores: Predictions of tags.
    """
    return Cardinality(
        true=np.count_nonzero(scores.labels, axis=1).astype(np.int64),
        decided=np.count_nonzero(scores.predicted, axis=1).astype(np.int64),
    )
