"""The one door to TensorFlow Addons: its optimizers, losses and schedules, made for a training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from kit.compat import keras, tf
from kit.specs.optimizers import OptimizerEntry
from kit.targets import Head

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # Addons says at each import that it has ended, as kit's pages do
    import tensorflow_addons as tfa

_DECAY = "weight_decay"


def make_addon_optimizer(entry: OptimizerEntry, *inner: Any, **given: Any) -> Any:
    """Make an optimizer of Addons.

    Args:
        entry: Declaration of it.
        inner: Optimizer that it goes around, if it does.
        given: Arguments by name. Weight decay that is a setting of the training is multiplied by the learning rate of
            each step, as in Keras; Addons' own is not.
    """
    kind = getattr(tfa.optimizers, entry.made_by.rpartition(".")[2])
    if _DECAY not in entry.settings:
        return kind(*inner, **given)
    factor = given.pop(_DECAY)
    made: Any = kind(weight_decay=lambda: factor * made._decayed_lr(tf.float32), **given)  # noqa: SLF001 (has no public name)
    return made


def make_addon_schedule(name: str, arguments: Mapping[str, Any]) -> Any:
    """Make a learning-rate schedule of Addons.

    Args:
        name: Name without the prefix.
        arguments: Arguments by name.
    """
    return getattr(tfa.optimizers, name)(**arguments)


def make_addon_loss(name: str, head: Head, arguments: Mapping[str, Any]) -> Any:
    """Make a loss of Addons, the mean over the images; by default Addons takes no mean.

    Args:
        name: Name without the prefix.
        head: Last layer of the network.
        arguments: Arguments by name.
    """
    classes = {"num_classes": head.units} if name == "WeightedKappaLoss" else {}
    return getattr(tfa.losses, name)(reduction=keras.losses.Reduction.AUTO, **classes, **arguments)
