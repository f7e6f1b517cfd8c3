"""Sample weights: what each image of a batch counts in the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kit.compat import tf
from kit.errors import require
from kit.targets import Target


@dataclass(frozen=True, slots=True)
class SampleWeights:
    """Weights of images by what their labels name.

    Attributes:
        weights: Float32 [names] for classes and grades; for tags [2, names], of images without each tag and with it.
    """

    weights: NDArray[np.float32]

    @classmethod
    def of(cls, target: Target, weights: ArrayLike) -> SampleWeights:
        """Check that the weights are those of a target's names.

        Raises:
            SpecError: They are not as many.
        """
        names, given = len(target.names), np.asarray(weights, np.float32)
        shape, said = (
            ((names,), f"{names} numbers, one per class")
            if target.is_partition
            else ((2, names), f"2 rows of {names} numbers, without and with each tag")
        )
        require(given.shape == shape, f"class_weights must be {said}, got {weights!r}")
        return cls(given)

    def of_labels(self, labels: Any) -> Any:
        """Weigh the images of a batch: float32 [batch], or [batch, tags].

        Args:
            labels: Labels of the batch, see `kit.targets.Truth`.
        """
        if self.weights.ndim == 1:
            return tf.gather(tf.constant(self.weights), labels)
        without, having = tf.unstack(tf.constant(self.weights))
        return tf.where(labels > 0, having, without)
