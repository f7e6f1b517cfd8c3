"""Random numbers of dropout: Keras 2.15 is given those of Keras 3, which a checkpoint can hold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from kit.compat.lane import IS_KERAS_3
from kit.compat.tensorflow import tf

_SEEDS = tf.int32.max - 1  # Keras 3 takes seeds modulo this


class _Draws(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped here
    """Generator of a layer's dropout in Keras 2.15, with the state and the numbers of Keras 3's SeedGenerator.

    Args:
        seed: Seed of the layer.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.state = tf.Variable(
            [seed, 0],
            dtype=tf.int64,
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def dropout(self, inputs: Any, rate: float, noise_shape: Any = None) -> Any:
        """Drop a share of the inputs, called by Keras' layer."""
        seed = tf.cast(tf.math.floormod(tf.identity(self.state), _SEEDS), tf.int32)
        self.state.assign_add([0, 1])
        return tf.nn.experimental.stateless_dropout(inputs, rate=rate, seed=seed, noise_shape=noise_shape)


def initial_seed(seed: int) -> int:
    """Return the seed of an initializer that draws the same initial weights in both lanes."""
    return seed if IS_KERAS_3 else seed % _SEEDS


def own_dropout(model: Any) -> None:
    """Replace the generators of a new model's dropout layers, nested networks included, by ones with a state to set."""
    if IS_KERAS_3:
        return
    for layer in _layers(model):
        if (drawn := getattr(layer, "_random_generator", None)) is not None:
            seed = random.randint(1, 10**9) if drawn._seed is None else drawn._seed  # noqa: S311, SLF001 (as Keras 3)
            object.__setattr__(layer, "_random_generator", _Draws(seed))  # untracked: no weight of the layer


def dropout_states(model: Any) -> list[Any]:
    """List the states of the random generators of all layers, in nested networks too: variables [seed, draws]."""
    name = "seed_generator" if IS_KERAS_3 else "_random_generator"
    return [generator.state for layer in _layers(model) if (generator := getattr(layer, name, None)) is not None]


def _layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer
