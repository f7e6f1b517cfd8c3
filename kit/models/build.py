"""Builds the Keras model of a ModelSpec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from kit.compat import initial_seed, keras, own_dropout, tf
from kit.models.architecture import plan_layers
from kit.models.backbone import load_backbone, scale_for
from kit.models.batch_norm import BatchNormalization
from kit.models.layers import (
    Activation,
    Backbone,
    BatchNorm,
    Convolution,
    Dense,
    Dropout,
    Layer,
    MaxPool,
    Scaling,
    Top,
)
from kit.models.mixed_precision import computing_in
from kit.models.shared_dense import SharedDense
from kit.specs import ModelSpec
from kit.specs.train import Precision
from kit.targets import Head


def build_model(
    spec: ModelSpec,
    shape: tuple[int, int, int],
    head: Head,
    *,
    seed: int,
    precision: Precision = "float32",
    is_any_size: bool = False,
) -> Any:
    """Build the network.

    The initial weights and the dropout of every layer depend on `seed` and its unique name, so a layer that two specs
    share starts with equal weights in both, wherever batch norm is.

    Args:
        spec: Settings of the model.
        shape: Height, width and channels of the input, float32 in 0 to 1.
        head: Last layer, which a target chooses.
        seed: Seed for the initial weights and dropout.
        precision: Precision of the computation; the last layer's is always float32.
        is_any_size: Whether the model takes images of other heights and widths too; needs top "average".

    Returns:
        A keras.Model from [batch, height, width, channels] to [batch, units].

    Raises:
        SpecError: A kernel or pool is larger than its input, or a backbone cannot be loaded.
    """
    with computing_in(precision):
        inputs = keras.Input((None, None, shape[2]) if is_any_size else shape, name="image")
        x = inputs
        for layer in plan_layers(spec, shape, head):
            x = _BUILDERS[type(layer)](layer, seed)(x)
        model = keras.Model(inputs, x)
    own_dropout(model)
    return model


def _convolution(layer: Convolution, seed: int) -> Any:
    kinds = {
        "glorot_uniform": keras.initializers.GlorotUniform,
        "glorot_normal": keras.initializers.GlorotNormal,
        "he_uniform": keras.initializers.HeUniform,
        "he_normal": keras.initializers.HeNormal,
        "lecun_uniform": keras.initializers.LecunUniform,
        "lecun_normal": keras.initializers.LecunNormal,
        "random_uniform": keras.initializers.RandomUniform,
        "random_normal": keras.initializers.RandomNormal,
        "truncated_normal": keras.initializers.TruncatedNormal,
    }
    return keras.layers.Conv2D(
        layer.filters,
        layer.kernel,
        strides=layer.stride,
        padding=layer.padding,
        kernel_initializer=kinds[layer.initializer](seed=initial_seed(_seed_of(layer, seed))),
        name=layer.name,
    )


def _batch_norm(layer: BatchNorm, seed: int) -> Any:
    del seed
    return BatchNormalization(
        momentum=layer.momentum,
        epsilon=layer.epsilon,
        synchronized=layer.is_synchronized and tf.distribute.get_strategy().num_replicas_in_sync > 1,
        name=layer.name,
    )


def _activation(layer: Activation, seed: int) -> Any:
    del seed
    return keras.layers.Activation(layer.kind, name=layer.name)


def _max_pool(layer: MaxPool, seed: int) -> Any:
    del seed
    return keras.layers.MaxPooling2D(layer.side, layer.stride, padding=layer.padding, name=layer.name)


def _dropout(layer: Dropout, seed: int) -> Any:
    return keras.layers.Dropout(layer.rate, seed=_seed_of(layer, seed), name=layer.name)


def _top(layer: Top, seed: int) -> Any:
    del seed
    kind = keras.layers.GlobalAveragePooling2D if layer.is_average else keras.layers.Flatten
    return kind(name=layer.name)


def _dense(layer: Dense, seed: int) -> Any:
    weights = keras.initializers.GlorotUniform(seed=initial_seed(_seed_of(layer, seed)))
    if layer.is_shared:
        return SharedDense(layer.units, layer.activation, weights, dtype="float32", name=layer.name)
    return keras.layers.Dense(
        layer.units,
        activation=layer.activation,
        kernel_initializer=weights,
        kernel_regularizer=keras.regularizers.L2(layer.l2) if layer.l2 else None,
        dtype="float32" if layer.activation else None,  # the last layer: half precision rounds probabilities and losses
        name=layer.name,
    )


def _scaling(layer: Scaling, seed: int) -> Any:
    del seed

    def scale(x: Any) -> Any:
        rgb = keras.layers.Concatenate(name=layer.name)([x, x, x]) if layer.is_repeated else x
        return scale_for(layer.backbone, rgb)

    return scale


def _backbone(layer: Backbone, seed: int) -> Any:
    return lambda x: load_backbone(layer.spec, x, seed)


_BUILDERS: dict[type[Layer], Callable[..., Any]] = {
    Convolution: _convolution,
    BatchNorm: _batch_norm,
    Activation: _activation,
    MaxPool: _max_pool,
    Dropout: _dropout,
    Top: _top,
    Dense: _dense,
    Scaling: _scaling,
    Backbone: _backbone,
}


def _seed_of(layer: Layer, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}/{layer.name}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
