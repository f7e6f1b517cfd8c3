"""Equal seeds begin with equal weights and drop the same activations in both lanes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.specs import ModelSpec
from kit.targets import Head

HEAD = Head(name="classes", units=3, activation="softmax")
SPEC = ModelSpec(filters=(2,), pool=2, dense=(16,), dropout=0.2, dense_dropout=0.3, bn_position="none")
# With Keras 3.15 and TensorFlow 2.21: weights of the first dense layer, and outputs in training.
KERNEL = [
    0.00880951,
    -0.35555902,
    0.41925904,
    -0.1467284,
    0.37539747,
    0.35199317,
]
OUTPUTS = [0.2746978, 0.4211346, 0.3041676, 0.2539054, 0.477918, 0.2681766]


def drawn() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Build a model, and train it for no step: its first weights and outputs, twice, as dropout goes on."""
    from kit.models.build import build_model
    from kit.training.checkpoint import seed_dropout

    model = build_model(SPEC, (8, 8, 3), HEAD, seed=3_000_000_000)
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    seed_dropout(model, 2)
    outputs = np.stack([np.asarray(model(images, training=True)) for _ in range(2)])
    return model.get_layer("dense_1").get_weights()[0][0, :6], outputs[:, 0]


def assert_drawn() -> None:
    kernel, outputs = drawn()

    assert pytest.approx(KERNEL, abs=1e-7) == kernel.tolist()
    assert pytest.approx(OUTPUTS, abs=1e-6) == outputs.ravel().tolist()


def test_keras_draws_the_numbers_that_are_written_here() -> None:
    assert_drawn()


@pytest.mark.addons
def test_keras_2_draws_the_same() -> None:
    assert_drawn()
