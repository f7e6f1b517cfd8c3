"""The loss of each head, against Keras' functions and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.specs import TrainSpec
from kit.targets import Head, Target
from kit.targets.balancing import balanced_weights
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

IMAGES = 12
NAMES = ("a", "b", "c", "d")
GRADES, TAGS = Grades(names=NAMES), Tags(names=NAMES)
VALUES = Values.of(("x", "y"), [f"{number} {100 + 7 * number * number}" for number in range(IMAGES)])


def drawn(target: Target, head: Head) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a head learns of some labels, and outputs that it could give."""
    generator = np.random.default_rng(0)
    truth: NDArray[Any] = generator.integers(0, len(target.names), IMAGES)
    if isinstance(target, Tags):
        truth = generator.integers(0, 2, (IMAGES, len(target.names)), np.int8)
    if isinstance(target, Values):
        truth = target.encode([f"{number} {100 + 7 * number * number}" for number in range(IMAGES)])
    raw = generator.normal(size=(IMAGES, head.units))
    if head.activation == "sigmoid":
        raw = 1 / (1 + np.exp(-raw))
    if head.activation == "softmax":
        raw = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return head.encode(truth), raw.astype(np.float32)


def loss_of(target: Target, head: str = "", **settings: Any) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    from kit.training.losses import make_loss

    spec = TrainSpec(**settings)
    layer = target.head(head, spec.loss)
    labels, outputs = drawn(target, layer)
    return float(make_loss(spec, layer)(labels, outputs)), labels.astype(np.float64), outputs.astype(np.float64)


def binary(labels: NDArray[np.float64], outputs: NDArray[np.float64]) -> float:
    return float(-np.mean(labels * np.log(outputs) + (1 - labels) * np.log(1 - outputs)))


@pytest.mark.parametrize(
    ("target", "head", "loss"),
    [
        (Classes(names=("a", "b")), "", "crossentropy"),
        (TAGS, "", "crossentropy"),
        (GRADES, "cumulative", "crossentropy"),
        (GRADES, "value", "crossentropy"),
        (VALUES, "", "crossentropy"),
    ],
)
def test_cross_entropy_of_sigmoids_is_the_mean_over_units_and_images(target: Target, head: str, loss: str) -> None:
    found, labels, outputs = loss_of(target, head, loss=loss)

    assert pytest.approx(binary(labels, outputs), rel=1e-5) == found
    assert 0 <= labels.min() < labels.max() <= 1


@pytest.mark.parametrize("settings", [{}, {"loss": "focal"}, {"label_smoothing": 0.1}])
def test_the_loss_of_weighed_tags_is_the_mean_of_keras_weighed_losses_of_each_tag(settings: dict[str, Any]) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    from kit.compat import keras
    from kit.training.losses import make_loss

    spec = TrainSpec(**{"loss": "crossentropy", "class_weights": "balanced", **settings})
    labels, outputs = drawn(TAGS, TAGS.head())
    counts = dict(zip(NAMES, labels.sum(axis=0).astype(int).tolist(), strict=True))
    weights = balanced_weights(TAGS, counts, IMAGES)
    one = make_loss(TrainSpec(**{"loss": "crossentropy", **settings}), TAGS.head())
    each = []
    for column in range(len(NAMES)):
        truth, given = labels[:, [column]], outputs[:, [column]]
        balanced = compute_class_weight("balanced", classes=np.array([0, 1]), y=truth[:, 0])
        assert balanced == pytest.approx(weights[:, column])
        each.append(float(one(truth, given, sample_weight=balanced[truth[:, 0].astype(int)])))
    found = make_loss(spec, TAGS.head())
    sample_weight = np.where(labels > 0, weights[1], weights[0]).astype(np.float32)

    assert np.mean(each) == pytest.approx(float(found(labels, outputs, sample_weight=sample_weight)), rel=1e-6)
    assert float(one(labels, outputs)) == pytest.approx(float(found(labels, outputs)), rel=1e-6)
    assert isinstance(one, (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy))


def test_a_tag_that_all_images_have_or_none_has_no_weight_for_what_is_not_there() -> None:
    weights = balanced_weights(TAGS, {"a": 12, "c": 3, "d": 6}, IMAGES)

    assert [[0, 1, 12 / 18, 1], [1, 0, 2, 1]] == [pytest.approx(row) for row in weights.tolist()]


@pytest.mark.parametrize("target", [Classes(names=NAMES), GRADES])
def test_cross_entropy_of_a_softmax_is_that_of_scikit_learn(target: Target) -> None:
    from sklearn.metrics import log_loss

    found, labels, outputs = loss_of(target, "classes", loss="crossentropy")

    assert pytest.approx(log_loss(labels.argmax(axis=1), outputs, labels=range(4)), rel=1e-5) == found


@pytest.mark.parametrize(("target", "head"), [(VALUES, ""), (GRADES, "value")])
def test_losses_of_numbers_are_of_standardised_ones(target: Target, head: str) -> None:
    from sklearn.metrics import mean_absolute_error, mean_squared_error

    for loss, reference in (("mse", mean_squared_error), ("mae", mean_absolute_error)):
        found, labels, outputs = loss_of(target, head, loss=loss)

        assert pytest.approx(reference(labels, outputs), rel=1e-5) == found
    found, labels, outputs = loss_of(target, head, loss="huber")
    away = np.abs(labels - outputs)

    assert pytest.approx(np.where(away <= 1, away**2 / 2, away - 0.5).mean(), rel=1e-5) == found
    assert away.min() < 1 < away.max()


def test_standardised_numbers_have_the_mean_0_and_the_deviation_1() -> None:
    _, labels, _ = loss_of(VALUES, loss="mse")

    np.testing.assert_allclose(labels.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(labels.std(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize(("target", "head"), [(TAGS, ""), (GRADES, "cumulative")])
def test_focal_loss_weighs_each_sigmoid_by_how_wrong_it_is(target: Target, head: str) -> None:
    found, labels, outputs = loss_of(target, head, loss="focal", focal_gamma=1.5)
    given = np.where(labels > 0, outputs, 1 - outputs)  # of what is true

    assert pytest.approx(np.mean((1 - given) ** 1.5 * -np.log(given)), rel=1e-5) == found


def test_focal_loss_of_a_softmax_weighs_each_image_by_how_wrong_it_is() -> None:
    found, labels, outputs = loss_of(GRADES, "classes", loss="focal", focal_gamma=1.5)
    given = (labels * outputs).sum(axis=1)

    assert pytest.approx(np.mean((1 - given) ** 1.5 * -np.log(given)), rel=1e-5) == found


def test_label_smoothing_spreads_over_yes_and_no_of_each_tag_and_over_all_grades() -> None:
    found, labels, outputs = loss_of(TAGS, loss="crossentropy", label_smoothing=0.2)

    assert pytest.approx(binary(0.8 * labels + 0.1, outputs), rel=1e-5) == found
    found, labels, outputs = loss_of(GRADES, loss="crossentropy", label_smoothing=0.2)

    assert pytest.approx(-np.mean(((0.8 * labels + 0.05) * np.log(outputs)).sum(axis=1)), rel=1e-5) == found
