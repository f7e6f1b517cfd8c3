"""A run's network in plain Keras, behind the preprocessing of `kit shard`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from kit.compat import keras, ops
from kit.exports.metadata import IMAGES, NUMBERS, PROBABILITIES
from kit.exports.preprocessing import preprocessing_model
from kit.models.shared_dense import SharedDense
from kit.specs import ImageSpec
from kit.targets import Head


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model and its two parts.

    Attributes:
        whole: Model from uint8 [batch, any height, any width, channels] to float32 [batch, columns].
        preprocessing: Model to float32 [batch, height, width, channels] in 0 to 1.
        probabilities: Model from preprocessed images to float32 [batch, columns], as `kit.targets.Head.predictions`
            gives them: probabilities of the classes, tags or grades, or numbers.
        output: Name of what the whole model gives: "probabilities" or "numbers".
    """

    whole: Any
    preprocessing: Any
    probabilities: Any
    output: str


def served_model(network: Any, head: Head, image: ImageSpec) -> ServedModel:
    """Put a trained network behind its preprocessing, and before what makes predictions of its outputs.

    Args:
        network: Model from [batch, height, width, channels] to [batch, units], from `build_model`.
        head: Last layer of the network.
        image: Image settings of the dataset.
    """
    shape = tuple(network.input_shape[1:])
    preprocessing = preprocessing_model(image, shape)
    pixels = keras.Input(shape, name="pixels")
    outputs = _predictions(head, plain_network(network)(pixels))
    probabilities = keras.Model(pixels, outputs, name="probabilities")
    images = keras.Input((None, None, shape[2]), dtype="uint8", name=IMAGES)
    whole = keras.Model(images, probabilities(preprocessing(images)))
    return ServedModel(whole, preprocessing, probabilities, NUMBERS if head.learns_numbers else PROBABILITIES)


def _predictions(head: Head, outputs: Any) -> Any:
    """Turn outputs [batch, units] into predictions by layers of Keras, as `Head.predictions` does."""
    if head.learns_numbers:
        return keras.layers.Rescaling(list(head.scale), list(head.shift))(outputs)
    if head.name == "cumulative":
        return _differences(outputs)
    if head.name == "classes" and head.units == 1:
        return ops.concatenate([1.0 - outputs, outputs], axis=1)
    return outputs


def _differences(outputs: Any) -> Any:
    """Turn P(grade > k) into P(grade = k); none is below 0 where biases are out of order."""
    above = [outputs[:, :1]]
    for index in range(1, outputs.shape[1]):
        above.append(ops.minimum(above[-1], outputs[:, index : index + 1]))
    between = [one - other for one, other in itertools.pairwise(above)]
    return ops.concatenate([1.0 - above[0], *between, above[-1]], axis=1)


def plain_network(network: Any) -> Any:
    """Copy a network with Keras' own layers in place of kit's, which compute the same."""
    copied = keras.models.clone_model(network, clone_function=_plain_layer)
    for layer, plain in zip(network.layers, copied.layers, strict=True):
        plain.set_weights(layer.dense_weights() if isinstance(layer, SharedDense) else layer.get_weights())
    return copied


def _plain_layer(layer: Any) -> Any:
    if isinstance(layer, SharedDense):
        return layer.as_dense()
    kind = keras.layers.BatchNormalization
    return (kind if isinstance(layer, kind) else type(layer)).from_config(layer.get_config())
