"""A layer whose units share their weights, and differ in their biases alone."""

from __future__ import annotations

from typing import Any

from kit.compat import keras, tf


@keras.utils.register_keras_serializable(package="kit")
class SharedDense(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped here
    """Thresholds on one number: the output layer of CORAL (Cao, Mirjalili & Raschka 2020, arXiv:1901.07884).

    Unit k is activation(x · w + b_k), float [batch, units]: as the weights w are the same, all units put the images
    into one order. The biases begin at 0.

    Args:
        units: Number of units.
        activation: Activation, by Keras' name.
        kernel_initializer: Distribution of the initial weights.
    """

    def __init__(
        self, units: int, activation: Any = None, kernel_initializer: Any = "glorot_uniform", **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Any) -> None:
        """Make one column of weights [features, 1], and a bias for each unit."""
        features = int(input_shape[-1])
        self.kernel = self.add_weight(name="kernel", shape=(features, 1), initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Add each unit's bias to one number an image."""
        return self.activation(tf.matmul(inputs, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Compute [batch, units]."""
        return *input_shape[:-1], self.units

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `from_config`."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    def as_dense(self) -> Any:
        """Make a `keras.layers.Dense` that computes the same, its weights repeated; for programs without kit."""
        return keras.layers.Dense(self.units, activation=self.activation, dtype=self.dtype_policy, name=self.name)

    def dense_weights(self) -> list[Any]:
        """Repeat the weights as `as_dense` takes them: [features, units] and [units]."""
        kernel, bias = self.get_weights()
        return [kernel.repeat(self.units, axis=1), bias]
