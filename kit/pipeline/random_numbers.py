"""Stateless random numbers, with a seed of its own for each purpose."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from kit.compat import tf


def folded(seed: Any, *parts: Any) -> Any:
    """Derive a seed for a purpose from texts, which name kinds of draws, and numbers, which count draws of a kind.

    Args:
        seed: Int64 [2], as for stateless operations.
        parts: Texts, or int64 [], possibly tensors.

    Returns:
        Int64 [2].
    """
    for part in parts:
        number = zlib.crc32(part.encode()) if isinstance(part, str) else part
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int64))
    return seed


@dataclass(frozen=True, slots=True)
class BatchShare:
    """Share of each batch that a machine takes of several.

    Attributes:
        index: Index of the share.
        count: Number of shares, of equal size.
    """

    index: int = 0
    count: int = 1

    def of(self, batch: Any) -> Any:
        """Cut a tensor of a whole batch, [batch, ...]."""
        if self.count == 1:
            return batch
        size = (batch.shape[0] or tf.shape(batch)[0]) // self.count
        return batch[self.index * size : (self.index + 1) * size]


WHOLE = BatchShare()


class Draws:
    """Random numbers for each image of a batch.

    Every purpose has a seed of its own, so the draws of one setting do not depend on which others are on.

    Args:
        seed: Int64 [2], seed of the batch.
        images: Images of the batch.
        share: Share of a batch that the images are. Numbers are drawn for the whole batch, see `own`; what mixes images
            needs the whole batch.
    """

    def __init__(self, seed: Any, images: Any, share: BatchShare = WHOLE) -> None:
        self._seed = seed
        self._images = images
        self._share = share

    def uniform(self, purpose: str, low: float = 0.0, high: float = 1.0) -> Any:
        """Draw a number in [low, high) for each image: float32 [batch]."""
        return tf.random.stateless_uniform([self._count], folded(self._seed, purpose), low, high)

    def amount(self, purpose: str, most: float) -> Any:
        """Draw a number in [-most, most) for each image, 0 if `most` is 0: float32 [batch]."""
        return self.uniform(purpose, -most, most) if most else tf.zeros([self._count])

    def chance(self, purpose: str, probability: float = 0.5) -> Any:
        """Draw whether to choose each image, with `probability`: bool [batch]."""
        return self.uniform(purpose) < probability

    def integers(self, purpose: str, below: int) -> Any:
        """Draw a whole number in [0, below) for each image: int32 [batch]."""
        return tf.random.stateless_uniform([self._count], folded(self._seed, purpose), 0, below, tf.int32)

    def order(self, purpose: str) -> Any:
        """Draw a permutation of the images' indices: int32 [batch]."""
        return tf.random.experimental.stateless_shuffle(tf.range(self._count), folded(self._seed, purpose))

    def coin(self, purpose: str) -> Any:
        """Toss a fair coin for the whole batch: bool []."""
        return tf.random.stateless_uniform([], folded(self._seed, purpose)) < 0.5  # noqa: PLR2004 (a fair coin)

    def beta(self, purpose: str, alpha: float) -> Any:
        """Draw from the symmetric beta distribution for each image: float32 [batch] in 0 to 1.

        It is X / (X + Y) of two gamma variates. They are computed as logarithms, since those of a small alpha are below
        the range of float32: X is G U^(1 / alpha), with G of shape alpha + 1 and U uniform (Marsaglia & Tsang 2000).
        """
        return tf.sigmoid(self._log_gamma(f"{purpose}, one", alpha) - self._log_gamma(f"{purpose}, other", alpha))

    def own(self, values: Any) -> Any:
        """Cut what was computed from numbers of the whole batch, [batch, ...], for the images at hand.

        It is computed for the whole batch, as vectors of other lengths are rounded otherwise by sines and matrices.
        """
        return self._share.of(values)

    @property
    def _count(self) -> Any:
        return (self._images.shape[0] or tf.shape(self._images)[0]) * self._share.count

    def _log_gamma(self, purpose: str, alpha: float) -> Any:
        above = tf.random.stateless_gamma([self._count], folded(self._seed, purpose, "gamma"), alpha + 1.0)
        return tf.math.log(above) + tf.math.log(1.0 - self.uniform(f"{purpose}, uniform")) / alpha
