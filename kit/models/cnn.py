"""The plain convolutional network: blocks of convolution, norm/activation and pool, then dense layers."""

from __future__ import annotations

import hashlib
from typing import Any

from kit.compat import keras
from kit.specs import ModelSpec, check_fit


def build_model(
    spec: ModelSpec,
    shape: tuple[int, int, int],
    classes: int,
    *,
    seed: int,
    synchronized: bool = False,
) -> Any:
    """Build the network.

    Every layer has its own name and its initial weights follow from `seed` and that name, so two specs that share a
    layer start it with equal weights, wherever batch norm stands between.

    Args:
        spec: layers.
        shape: height, width and channels of the input, float32 in 0 to 1.
        classes: 2 gives one sigmoid unit for the second class; more give a softmax over all.
        seed: of the initial weights.
        synchronized: batch statistics over all replicas of a strategy instead of each replica's.

    Returns:
        keras.Model from [batch, height, width, channels] to [batch, 1] or [batch, classes].

    Raises:
        SpecError: a block's kernel or pool is larger than the image that reaches it.
    """
    check_fit(spec, shape)
    build = _Builder(spec, seed, synchronized=synchronized)
    inputs = keras.Input(shape, name="image")
    x = inputs
    for number, filters in enumerate(spec.filters, start=1):
        convolution = keras.layers.Conv2D(
            filters,
            spec.kernel,
            padding=spec.padding,
            kernel_initializer=build.initializer(f"conv_{number}"),
            name=f"conv_{number}",
        )
        x = build.normalized(convolution(x), f"conv_{number}")
        if spec.pool > 1:
            x = keras.layers.MaxPooling2D(spec.pool, name=f"pool_{number}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(spec.dense, start=1):
        x = build.normalized(build.dense(units, f"dense_{number}")(x), f"dense_{number}")
    units, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")  # noqa: PLR2004 (binary)
    return keras.Model(inputs, build.dense(units, "head", activation)(x))


class _Builder:
    """Layers as one spec and seed make them."""

    def __init__(self, spec: ModelSpec, seed: int, *, synchronized: bool) -> None:
        self._spec = spec
        self._seed = seed
        self._synchronized = synchronized

    def initializer(self, layer: str) -> Any:
        """Glorot & Bengio 2010's uniform weights, as Keras begins by default."""
        digest = hashlib.sha256(f"{self._seed}/{layer}".encode()).digest()
        return keras.initializers.GlorotUniform(seed=int.from_bytes(digest[:4], "little"))

    def dense(self, units: int, name: str, activation: str | None = None) -> Any:
        """Fully connected layer."""
        return keras.layers.Dense(units, activation=activation, kernel_initializer=self.initializer(name), name=name)

    def normalized(self, x: Any, layer: str) -> Any:
        """Activation, with batch norm on the side of it that the spec names."""
        steps = [keras.layers.Activation(self._spec.activation, name=f"{layer}_{self._spec.activation}")]
        norm = keras.layers.BatchNormalization(
            momentum=self._spec.bn_momentum,
            epsilon=self._spec.bn_epsilon,
            synchronized=self._synchronized,
            name=f"{layer}_norm",
        )
        if self._spec.bn_position == "before":
            steps.insert(0, norm)
        elif self._spec.bn_position == "after":
            steps.append(norm)
        for step in steps:
            x = step(x)
        return x
