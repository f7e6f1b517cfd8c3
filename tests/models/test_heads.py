"""Last layers of networks: shared weights, activations, and what they compute in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.models import count_parameters
from kit.specs import ModelSpec
from kit.targets import Head
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

SPEC = ModelSpec(filters=(4,), pool=2, dense=(8,), bn_position="none")
SHAPE = (8, 8, 3)
NAMES = ("0", "1", "2", "3", "4")
VALUES = Values.of(("x", "y"), ["1 5", "2 9", "6 4"])
HEADS = {
    "tags": Tags(names=NAMES).head(),
    "softmax": Grades(names=NAMES).head(),
    "cumulative": Grades(names=NAMES).head("cumulative"),
    "value": Grades(names=NAMES).head("value"),
    "scaled": Grades(names=NAMES).head("value", "crossentropy"),
    "values": VALUES.head(),
}


def network(head: Head, **options: Any) -> Any:
    from kit.models.build import build_model

    return build_model(SPEC, SHAPE, head, seed=3, **options)


def images(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).random((count, *SHAPE), np.float32)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_parameters_that_are_planned_are_those_that_keras_counts(head: Head) -> None:
    assert network(head).count_params() == count_parameters(SPEC, SHAPE, head).total


def test_shared_weights_give_thresholds_on_one_number() -> None:
    from kit.compat import keras

    model = network(HEADS["cumulative"])
    biases = np.asarray([2.0, 0.5, 0.0, -1.0], np.float32)
    kernel, begun = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([kernel, biases])
    features = keras.Model(model.input, model.get_layer("head").input).predict(images(), verbose=0)

    assert (8, 1) == kernel.shape
    assert not begun.any()
    np.testing.assert_allclose(
        1 / (1 + np.exp(-(features @ kernel + biases))), model.predict(images(), verbose=0), rtol=1e-5
    )


def test_equal_seeds_give_equal_shared_weights() -> None:
    first, second = (network(HEADS["cumulative"]).get_layer("head").get_weights()[0] for _ in range(2))

    assert first.tolist() == second.tolist()


def test_shared_weights_are_saved_and_loaded(tmp_path: Path) -> None:
    from kit.compat import keras

    model = network(HEADS["cumulative"])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    assert model.predict(images(), verbose=0).tolist() == again.predict(images(), verbose=0).tolist()


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_last_layers_compute_in_float32(head: Head) -> None:
    model = network(head, precision="mixed_bfloat16")

    assert "bfloat16" == model.get_layer("dense_1").compute_dtype
    assert "float32" == model.get_layer("head").compute_dtype
    assert np.float32 == model.predict(images(), verbose=0).dtype


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_an_exported_network_of_plain_layers_gives_predictions(head: Head, tmp_path: Path) -> None:
    from kit.compat import keras, tf
    from kit.exports.formats import FORMATS
    from kit.exports.inference_model import served_model
    from kit.specs import ImageSpec

    model = network(head)
    model.get_layer("head").set_weights(
        [np.random.default_rng(1).normal(size=part.shape) for part in model.get_layer("head").get_weights()]
    )  # thresholds out of order, too
    pixels = np.random.default_rng(2).integers(0, 256, (6, *SHAPE), np.uint8)
    expected = head.predictions(model.predict_on_batch(pixels / np.float32(255)))
    served = served_model(model, head, ImageSpec(size=SHAPE[:2], channels=3))
    FORMATS["keras"].write(served, ImageSpec(size=SHAPE[:2], channels=3), tmp_path / "model.keras")
    found = FORMATS["keras"].read(tmp_path / "model.keras", pixels)

    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    FORMATS["saved_model"].write(served, ImageSpec(size=SHAPE[:2], channels=3), tmp_path / "1")
    given = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"](images=tf.constant(pixels))

    np.testing.assert_allclose(
        given["numbers" if head.name == "value" else "probabilities"], expected, atol=1e-5, rtol=1e-5
    )
    layers = [inner for outer in served.probabilities.layers for inner in getattr(outer, "layers", [outer])]
    assert {"keras"} == {type(layer).__module__.partition(".")[0] for layer in layers}
    assert np.ptp(expected, axis=0).max() > 0.01
    assert isinstance(served.whole, keras.Model)
