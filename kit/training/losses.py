"""Losses of each head."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.specs import TrainSpec
from kit.targets import Head


def make_loss(spec: TrainSpec, head: Head) -> Any:
    """Make the loss of labels as `Head.encode` gives them and outputs [batch, units], the mean over units and images.

    Args:
        spec: Settings of the training, with a loss that the head has.
        head: Last layer of the network.
    """
    if kind := _OF_NUMBERS.get(spec.loss):
        return kind()
    smoothing = {"label_smoothing": spec.label_smoothing}
    if spec.loss == "focal":
        focal = {"gamma": spec.focal_gamma, **smoothing}
        if head.activation == "sigmoid":
            return keras.losses.BinaryFocalCrossentropy(**focal)
        return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, **focal)
    kind = keras.losses.BinaryCrossentropy if head.activation == "sigmoid" else keras.losses.CategoricalCrossentropy
    return kind(**smoothing)


_OF_NUMBERS: dict[str, Any] = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}
