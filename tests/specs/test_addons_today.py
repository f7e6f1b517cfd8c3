"""What the table of addons says of Keras 3's names, beside figures of Addons itself."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.addons_metrics import imported
from tests.addons_today import CHANCES, FIGURES, GRADIENTS, IMAGE, POINTS, START, TRANSFORM, TRUTH, figures

SAVED = json.loads(FIGURES.read_text())
TRUE, CHANCE, POINT, PIXELS = (np.array(each, np.float32) for each in (TRUTH, CHANCES, POINTS, IMAGE))


def is_addons(name: str, figure: Any) -> bool:
    return np.asarray(figure) == pytest.approx(np.array(SAVED[name]), abs=2e-6)


def weights(optimizer: Any) -> Any:
    import keras

    variable = keras.Variable(START)
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.array(gradient)])
    optimizer.finalize_variable_values([variable])
    return keras.ops.convert_to_numpy(variable.value)


@pytest.mark.addons
def test_saved_figures_are_what_addons_computes() -> None:
    pytest.importorskip("tensorflow_addons")
    made = figures(imported())

    assert SAVED.keys() == made.keys()
    assert all(is_addons(name, figure) for name, figure in made.items())


def test_optimizers_of_keras_take_addons_steps_with_decay_divided_by_the_learning_rate() -> None:
    from keras import optimizers

    decays = {"learning_rate": 0.1, "weight_decay": 0.02 / 0.1}

    assert is_addons("AdamW", weights(optimizers.AdamW(**decays)))
    assert not is_addons("AdamW", weights(optimizers.AdamW(learning_rate=0.1, weight_decay=0.02)))
    assert is_addons("SGDW", weights(optimizers.SGD(**decays, momentum=0.9)))
    assert is_addons("LAMB", weights(optimizers.Lamb(0.1, epsilon=1e-6)))
    assert is_addons("LazyAdam", weights(optimizers.Adam(0.1)))
    assert is_addons("ProximalAdagrad", weights(optimizers.Adagrad(0.1, epsilon=0.0)))


def test_averages_of_keras_begin_with_the_weights_after_the_first_step_and_those_of_addons_with_the_initial_ones() -> (
    None
):
    from keras import optimizers

    first, *later = np.array(START) - 0.1 * np.cumsum(GRADIENTS, axis=0)
    found = weights(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))

    assert found == pytest.approx(averaged(first, later), abs=2e-6)
    assert is_addons("MovingAverage", averaged(np.array(START), [first, *later]))


def averaged(average: Any, steps: Any) -> Any:
    for step in steps:
        average = 0.9 * average + 0.1 * step
    return average


def test_focal_loss_is_that_of_keras_with_class_balancing_summed_over_the_units() -> None:
    from keras import losses

    found = losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5, reduction=None)

    assert is_addons("SigmoidFocalCrossEntropy", np.array(found(TRUE, CHANCE)) * TRUE.shape[1])


def test_pinball_loss_in_the_middle_is_half_the_mean_absolute_error() -> None:
    from keras import losses

    assert is_addons("PinballLoss", np.array(losses.MeanAbsoluteError()(TRUE, CHANCE)) / 2)


def test_activations_are_those_of_keras() -> None:
    from keras import activations, ops

    assert is_addons("gelu", activations.gelu(POINT, approximate=True))
    assert not is_addons("gelu", activations.gelu(POINT))
    assert is_addons("mish", activations.mish(POINT))
    assert is_addons("tanhshrink", activations.tanh_shrink(POINT))
    assert is_addons("hardshrink", activations.hard_shrink(POINT, 0.4))
    assert is_addons("softshrink", activations.soft_shrink(POINT, 0.4))
    assert is_addons("lisht", POINT * ops.tanh(POINT))
    assert is_addons("snake", POINT + (1 - np.cos(2 * 0.7 * POINT)) / (2 * 0.7))


def test_sparsemax_of_keras_is_another_function() -> None:
    import keras

    if not keras.__version__.startswith("3.15."):
        pytest.skip("said of Keras 3.15")
    found = np.array(keras.activations.sparsemax(keras.ops.array(POINT)))

    assert not is_addons("sparsemax", found)
    assert np.sum(SAVED["sparsemax"], axis=1) == pytest.approx(1)
    assert found.sum(axis=1).max() > 1


def test_layers_are_those_of_keras() -> None:
    from keras import layers

    assert is_addons("GroupNormalization", layers.GroupNormalization(groups=2)(PIXELS))
    assert is_addons("InstanceNormalization", layers.GroupNormalization(groups=-1)(PIXELS))
    assert is_addons("AdaptiveAveragePooling2D", layers.AdaptiveAveragePooling2D((2, 3))(PIXELS))
    assert is_addons("AdaptiveMaxPooling2D", layers.AdaptiveMaxPooling2D((2, 3))(PIXELS))


def test_images_are_sampled_as_by_keras() -> None:
    from keras import ops

    channels = [ops.image.map_coordinates(PIXELS[0, ..., one], [[0.5, 2.0], [1.25, 3.5]], order=1) for one in range(4)]

    assert is_addons("interpolate_bilinear", np.stack([np.array(one) for one in channels], axis=1)[None])
    assert is_addons("transform", ops.image.affine_transform(PIXELS, np.array([TRANSFORM], np.float32)))


def test_metrics_are_those_of_keras() -> None:
    from keras import metrics

    absent = np.eye(4, dtype=np.float32)[[0, 1, 1]], np.eye(4, dtype=np.float32)[[0, 1, 0]]

    assert is_addons("F1Score", metrics.F1Score(average="macro")(*absent))
    assert is_addons("RSquare", metrics.R2Score(num_regressors=2)(TRUE, CHANCE))
    assert is_addons("HammingLoss", 1 - np.array(metrics.BinaryAccuracy(threshold=0.5)(TRUE, CHANCE)))
