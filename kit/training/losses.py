"""Losses of each head."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.specs import TrainSpec
from kit.specs.addons import PREFIX
from kit.targets import Head


def make_loss(spec: TrainSpec, head: Head) -> Any:
    """Make the loss of labels as `Head.encode` gives them and outputs [batch, units], the mean over units and images.

    Args:
        spec: Settings of the training, with a loss that the head has.
        head: Last layer of the network.
    """
    if spec.loss.startswith(PREFIX):
        from kit.training.addons import make_addon_loss  # noqa: PLC0415 (TensorFlow Addons, in its lane only)

        return make_addon_loss(spec.loss.removeprefix(PREFIX), head, spec.loss_args)
    if kind := _OF_NUMBERS.get(spec.loss):
        return kind(**spec.loss_args)
    smoothing = {"label_smoothing": spec.label_smoothing}
    if spec.loss == "focal":
        focal = {"gamma": spec.focal_gamma, **smoothing}
        if head.activation == "sigmoid":
            return _by_tag(keras.losses.BinaryFocalCrossentropy(**focal), spec, head)
        return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, **focal)
    if head.activation == "sigmoid":
        return _by_tag(keras.losses.BinaryCrossentropy(**smoothing), spec, head)
    return keras.losses.CategoricalCrossentropy(**smoothing)


def _by_tag(loss: Any, spec: TrainSpec, head: Head) -> Any:
    return EachUnit(loss) if head.name == "tags" and spec.class_weights != "none" else loss


class EachUnit(keras.losses.Loss):  # type: ignore[misc]  # Keras is untyped here
    """A loss of each unit by itself, so that sample weights may be [batch, units]; its mean is that of the loss.

    Args:
        loss: Loss that is the mean over the last axis.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__(name="each_unit")
        self._loss = loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of each unit, float [batch, units]."""
        return self._loss.call(y_true[..., None], y_pred[..., None])


_OF_NUMBERS: dict[str, Any] = {
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}
