"""Operations on tensors of a model: `keras.ops`, or those of TensorFlow by the same names in Keras 2.15."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kit.compat.lane import IS_KERAS_3
from kit.compat.tensorflow import keras, tf


def _tensorflow_ops() -> Any:
    """Make the part of `keras.ops` that kit uses, by TensorFlow's operations, which Keras 2.15 takes in models."""
    return SimpleNamespace(
        abs=tf.abs,
        cast=tf.cast,
        concatenate=tf.concat,
        cumsum=tf.cumsum,
        einsum=tf.einsum,
        equal=tf.equal,
        expand_dims=tf.expand_dims,
        floor=tf.floor,
        greater_equal=tf.greater_equal,
        less=tf.less,
        logical_and=tf.logical_and,
        max=tf.reduce_max,
        maximum=tf.maximum,
        minimum=tf.minimum,
        ones_like=tf.ones_like,
        round=tf.round,
        subtract=tf.subtract,
        sum=tf.reduce_sum,
        where=tf.where,
        zeros_like=tf.zeros_like,
    )


ops: Any = keras.ops if IS_KERAS_3 else _tensorflow_ops()
