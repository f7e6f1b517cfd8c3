"""Operations on tensors of a model: `keras.ops`, or those of TensorFlow by the same names in Keras 2.15."""

from __future__ import annotations

from collections.abc import Callable
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


def quotient(dividend: Any, divisor: float) -> Any:
    """Divide by a constant in an operation that TensorFlow leaves as it is; 0 if the divisor is 0.

    An ordinary division it turns into products of constants, and in the graphs of several machines into other ones than
    in those of one: the last bit then depends on the number of machines.

    Args:
        dividend: Dividend, float [...].
        divisor: Constant to divide by.

    Returns:
        Quotient, float [...].
    """
    return tf.math.divide_no_nan(dividend, tf.cast(divisor, dividend.dtype))


def function_model(inputs: Any, function: Callable[[Any], Any], name: str) -> Any:
    """Make a model that computes a function of `ops`; one layer in Keras 2.15, whose constants would lose their dtype.

    Args:
        inputs: Input of the model.
        function: Function of a tensor.
        name: Name of the model.
    """
    outputs = function(inputs) if IS_KERAS_3 else _Function(function)(inputs)
    return keras.Model(inputs, outputs, name=name)


class _Function(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped here
    """A layer that computes a function.

    Args:
        function: Function of a tensor.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def call(self, inputs: Any) -> Any:
        """Compute the function."""
        return self._function(inputs)
