"""Last layers: what a network puts out for a target, and how that is read."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Activation = Literal["sigmoid", "softmax", "linear"]

_TINY = np.finfo(np.float32).tiny  # TensorFlow takes smaller numbers as 0


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A network's last layer.

    Attributes:
        name: Kind of the head: "classes", "tags", "cumulative" or "value".
        units: Width of the layer.
        activation: Activation of the layer.
        is_shared: Whether all units share their weights and differ in their biases, as in CORAL (Cao, Mirjalili &
            Raschka 2020, arXiv:1901.07884).
        shift: Numbers [units] that are subtracted from labels before they are learned; empty for heads of names.
        scale: Numbers [units] by which labels are divided then; empty for heads of names.
    """

    name: str
    units: int
    activation: Activation
    is_shared: bool = False
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def encode(self, truth: NDArray[Any]) -> NDArray[np.float32]:
        """Turn labels into what the head learns.

        Args:
            truth: Labels of n images, see `kit.targets.Truth`.

        Returns:
            Float32 [n, units]: the second of two classes as 0 or 1, one-hot classes, tags as they are, for
            "cumulative" whether the grade is above 0, 1, ..., or numbers less `shift` by `scale`.
        """
        if self.learns_numbers:
            numbers = truth if truth.ndim > 1 else truth[:, None]
            encoded = np.asarray((numbers - np.asarray(self.shift)) / np.asarray(self.scale), np.float32)
            return np.where(np.abs(encoded) < _TINY, np.float32(0), encoded)
        if self.name == "tags":
            return np.asarray(truth, np.float32)
        if self.name == "cumulative":
            return np.asarray(truth[:, None] > np.arange(self.units), np.float32)
        if self.units == 1:
            return np.asarray(truth[:, None], np.float32)
        learned = np.zeros((len(truth), self.units), np.float32)
        learned[np.arange(len(truth)), truth] = 1
        return learned

    @property
    def learns_numbers(self) -> bool:
        """Whether numbers are learned, not names."""
        return bool(self.shift)

    def predictions(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Turn a network's outputs into predictions.

        Args:
            outputs: Float [n, units].

        Returns:
            Float32: probabilities [n, names], whose rows sum to 1 for classes and grades; or numbers [n, values],
            [n, 1] for grades with the head "value".
        """
        if self.learns_numbers:
            numbers = np.asarray(outputs, np.float64) * np.asarray(self.scale) + np.asarray(self.shift)
            return np.asarray(numbers, np.float32)
        if self.name == "cumulative":
            return _differences(outputs)
        if self.name == "classes" and self.units == 1:
            return np.asarray(np.concatenate([1 - outputs, outputs], axis=1), np.float32)
        return np.asarray(outputs, np.float32)


def _differences(outputs: NDArray[Any]) -> NDArray[np.float32]:
    """Turn P(grade > k), [n, grades - 1], into P(grade = k): where biases are out of order, none is below 0."""
    above = np.minimum.accumulate(np.asarray(outputs, np.float64), axis=1)
    ends = np.pad(above, ((0, 0), (1, 1)), constant_values=((0, 0), (1, 0)))
    return np.asarray(ends[:, :-1] - ends[:, 1:], np.float32)
