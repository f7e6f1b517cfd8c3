"""Fused batch normalization against Keras' own layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

KIND = {"momentum": 0.7, "epsilon": 1e-3}


def _step(layer: Any, images: np.ndarray, *, training: bool) -> list[np.ndarray]:
    """Outputs, gradients of a sum of their cubes, and all weights after one call."""
    from kit.compat import tf

    inputs = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=training)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 3)
    gradients = tape.gradient(loss, [inputs, *layer.trainable_variables])
    return [value.numpy() for value in (outputs, *gradients, *layer.variables)]


@settings(deadline=None, max_examples=25)
@given(
    shape=st.one_of(
        st.tuples(st.integers(2, 5), st.integers(1, 6), st.integers(1, 6), st.integers(1, 4)),
        st.tuples(st.integers(2, 5), st.integers(1, 4)),
    ),
    training=st.booleans(),
    trainable=st.booleans(),
    seed=st.integers(0, 9),
)
def test_it_is_keras_layer(shape: tuple[int, ...], training: bool, trainable: bool, seed: int) -> None:
    from kit.compat import keras
    from kit.models.batch_norm import BatchNormalization

    generator = np.random.default_rng(seed)
    images = generator.normal(0.5, 2, shape).astype(np.float32)
    layers = [kind(**KIND) for kind in (keras.layers.BatchNormalization, BatchNormalization)]
    for layer in layers:
        layer.build(shape)
        layer.trainable = trainable
    weights = [generator.uniform(0.5, 1.5, weight.shape) for weight in layers[0].get_weights()]
    results = []
    for layer in layers:
        layer.set_weights(weights)
        results.append(_step(layer, images, training=training))

    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_are_float32_whatever_the_precision(precision: str) -> None:
    from kit.compat import keras, tf
    from kit.models.batch_norm import BatchNormalization

    images = np.random.default_rng(0).normal(100, 1, (8, 4, 4, 3))
    layer = BatchNormalization(dtype=keras.mixed_precision.Policy(precision), **KIND)
    outputs = layer(tf.constant(images, tf.float32), training=True)

    assert outputs.dtype.name == precision.removeprefix("mixed_")
    assert {weight.dtype for weight in layer.get_weights()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(layer.get_weights()[2], 100 * 0.3, rtol=0.01)


def test_the_variance_of_large_images_is_rounded_as_documented() -> None:
    from kit.compat import tf
    from kit.models.batch_norm import BatchNormalization

    images = np.random.default_rng(0).normal(0.5, 1, (64, 96, 96, 2)).astype(np.float32)
    layer = BatchNormalization(momentum=0.0)
    layer(tf.constant(images), training=True)
    *_, mean, variance = layer.get_weights()

    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2), dtype=np.float64), rtol=2e-3)
    np.testing.assert_allclose(variance, images.var(axis=(0, 1, 2), dtype=np.float64), rtol=2e-3)
