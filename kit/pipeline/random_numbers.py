"""Random numbers that follow from a seed alone, each purpose with its own."""

from __future__ import annotations

import zlib
from typing import Any

from kit.compat import tf


def folded(seed: Any, *parts: Any) -> Any:
    """Derive a seed for one of many purposes: a text names a kind of draw, a number one of its kind.

    Args:
        seed: Int64 [2], as stateless operations take it.
        parts: Texts, or int64 [] that may be known only while the pipeline runs.

    Returns:
        int64 [2].
    """
    for part in parts:
        number = zlib.crc32(part.encode()) if isinstance(part, str) else part
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int64))
    return seed


class Draws:
    """What is drawn for each image of a batch.

    Every purpose has a seed of its own, so what one setting draws does not depend on which others are on.
    """

    def __init__(self, seed: Any, images: Any) -> None:
        self._seed = seed
        self._images = images

    def uniform(self, purpose: str, low: float = 0.0, high: float = 1.0) -> Any:
        """Draw a number in [low, high) for each image: float32 [batch]."""
        return tf.random.stateless_uniform([self._count], folded(self._seed, purpose), low, high)

    def amount(self, purpose: str, most: float) -> Any:
        """Draw a number in [-most, most) for each image, or 0 for all where `most` is: float32 [batch]."""
        return self.uniform(purpose, -most, most) if most else tf.zeros([self._count])

    def chance(self, purpose: str, probability: float = 0.5) -> Any:
        """Choose images, each with `probability`: bool [batch]."""
        return self.uniform(purpose) < probability

    def integers(self, purpose: str, below: int) -> Any:
        """Draw a whole number from 0 for each image: int32 [batch]."""
        return tf.random.stateless_uniform([self._count], folded(self._seed, purpose), 0, below, tf.int32)

    def order(self, purpose: str) -> Any:
        """Shuffle the images' places: int32 [batch]."""
        return tf.random.experimental.stateless_shuffle(tf.range(self._count), folded(self._seed, purpose))

    def coin(self, purpose: str) -> Any:
        """Decide something for the whole batch: bool []."""
        return tf.random.stateless_uniform([], folded(self._seed, purpose)) < 0.5  # noqa: PLR2004 (a fair coin)

    def beta(self, purpose: str, alpha: float) -> Any:
        """Draw from the symmetric beta distribution for each image: float32 [batch] in 0 to 1.

        It is X / (X + Y) of two gamma variates. They are kept as logarithms, since those of a small alpha are smaller
        than any float32: X is G U^(1 / alpha), with G of shape alpha + 1 and U uniform (Marsaglia & Tsang 2000).
        """
        return tf.sigmoid(self._log_gamma(f"{purpose}, one", alpha) - self._log_gamma(f"{purpose}, other", alpha))

    @property
    def _count(self) -> Any:
        return self._images.shape[0] or tf.shape(self._images)[0]

    def _log_gamma(self, purpose: str, alpha: float) -> Any:
        above = tf.random.stateless_gamma([self._count], folded(self._seed, purpose, "gamma"), alpha + 1.0)
        return tf.math.log(above) + tf.math.log(1.0 - self.uniform(f"{purpose}, uniform")) / alpha
