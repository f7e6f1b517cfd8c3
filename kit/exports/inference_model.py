"""A run's network in plain Keras, behind the preprocessing of `kit shard`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.compat import keras
from kit.exports.metadata import IMAGES
from kit.exports.preprocessing import preprocessing_model
from kit.specs import ImageSpec


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and its two parts.

    Attributes:
        whole: Model from uint8 [batch, any height, any width, channels] to float32 [batch, classes].
        preprocessing: Model to float32 [batch, height, width, channels] in 0 to 1.
        probabilities: Model from preprocessed images to float32 [batch, classes]; each row sums to 1.
    """

    whole: Any
    preprocessing: Any
    probabilities: Any


def served_model(network: Any, image: ImageSpec) -> ServedModel:
    """Put a trained network behind its preprocessing.

    Args:
        network: Model from [batch, height, width, channels] to [batch, 1] or [batch, classes], from `build_model`.
        image: Image settings of the dataset.
    """
    shape = tuple(network.input_shape[1:])
    preprocessing = preprocessing_model(image, shape)
    pixels = keras.Input(shape, name="pixels")
    outputs = plain_network(network)(pixels)
    if outputs.shape[1] == 1:
        outputs = keras.ops.concatenate([1.0 - outputs, outputs], axis=1)
    probabilities = keras.Model(pixels, outputs, name="probabilities")
    images = keras.Input((None, None, shape[2]), dtype="uint8", name=IMAGES)
    return ServedModel(keras.Model(images, probabilities(preprocessing(images))), preprocessing, probabilities)


def plain_network(network: Any) -> Any:
    """Copy a network with Keras' own batch norm in place of kit's, with the same weights and statistics."""
    copied = keras.models.clone_model(network, clone_function=_plain_layer)
    copied.set_weights(network.get_weights())
    return copied


def _plain_layer(layer: Any) -> Any:
    kind = keras.layers.BatchNormalization
    return (kind if isinstance(layer, kind) else type(layer)).from_config(layer.get_config())
