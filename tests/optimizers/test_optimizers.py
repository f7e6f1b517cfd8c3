"""Every optimizer of kit works as Keras' own do: settings, files, schedules, precisions, devices."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_optimizers import BATCHES, OPTIMIZERS, averaged, batches, ended, fitted, model_with, rates, step, trained

HAS_RATE = [name for name in OPTIMIZERS if name != "COCOB"]
TO_FLOAT32 = 1e-6


@pytest.fixture(params=OPTIMIZERS)
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return OPTIMIZERS[request.param]


@pytest.fixture(scope="module")
def replicated() -> Mapping[str, list[list[float]]]:
    """Train each optimizer on two logical devices, in a process of their own."""
    script = Path(__file__).parents[1] / "contract_optimizers.py"
    run = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    found: Mapping[str, list[list[float]]] = json.loads(run.stdout)
    return found


def test_its_arguments_survive_a_round_trip(make: Callable[..., Any]) -> None:
    from kit.compat import keras

    optimizer = make()
    written = json.dumps(keras.optimizers.serialize(optimizer))
    read = keras.optimizers.deserialize(json.loads(written))

    assert type(read) is type(optimizer)
    assert read.get_config() == optimizer.get_config()


def test_the_loss_falls(make: Callable[..., Any]) -> None:
    model = model_with(make())
    before = float(model.evaluate(*batches(), verbose=0))
    trained(model, BATCHES)

    assert float(model.evaluate(*batches(), verbose=0)) < 0.99 * before


def test_a_training_resumes_from_a_weights_file_bit_for_bit(make: Callable[..., Any], tmp_path: Path) -> None:
    whole = trained(model_with(make()), BATCHES)
    half = trained(model_with(make()), BATCHES // 2)
    half.save_weights(tmp_path / "half.weights.h5")
    resumed = model_with(make())
    resumed.load_weights(tmp_path / "half.weights.h5")
    trained(resumed, BATCHES - BATCHES // 2, begin=BATCHES // 2)

    for expected, found in zip(_variables(whole), _variables(resumed), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_keras_file_holds_its_arguments_and_variables(make: Callable[..., Any], tmp_path: Path) -> None:
    from kit.compat import keras

    model = trained(model_with(make()), 3)
    model.save(tmp_path / "model.keras")
    read = keras.models.load_model(tmp_path / "model.keras")

    assert read.optimizer.get_config() == model.optimizer.get_config()
    for expected, found in zip(_variables(model), _variables(read), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", HAS_RATE)
def test_a_schedule_is_a_rate_that_is_set_before_each_step(name: str) -> None:
    scheduled = trained(model_with(OPTIMIZERS[name](learning_rate=rates())), 4)
    by_hand = model_with(OPTIMIZERS[name](learning_rate=1.0))
    for index in range(4):
        by_hand.optimizer.learning_rate = float(rates()(index))
        step(by_hand, index)

    for expected, found in zip(by_hand.get_weights(), scheduled.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=TO_FLOAT32)


@pytest.mark.slow
def test_several_steps_in_one_call_under_xla_are_the_steps_one_by_one(make: Callable[..., Any]) -> None:
    one_by_one = trained(model_with(make()), BATCHES)
    joined = fitted(model_with(make(), steps_per_execution=4, jit_compile=True))

    for expected, found in zip(_variables(one_by_one), _variables(joined), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_two_devices_do_what_one_does(name: str, replicated: Mapping[str, list[list[float]]]) -> None:
    single = trained(model_with(OPTIMIZERS[name]()), BATCHES)

    for expected, found in zip(ended(single), replicated[name], strict=True):
        np.testing.assert_allclose(np.asarray(found), expected.ravel(), rtol=0, atol=TO_FLOAT32)


@pytest.mark.slow
def test_gradients_of_two_half_batches_are_those_of_one(make: Callable[..., Any]) -> None:
    whole = trained(model_with(make()), BATCHES)
    halves = trained(model_with(make(gradient_accumulation_steps=2)), 2 * BATCHES, parts=2)

    for expected, found in zip(whole.get_weights(), halves.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=TO_FLOAT32)
    for expected, found in zip(averaged(whole), averaged(halves), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=TO_FLOAT32)


def test_gradients_are_clipped(make: Callable[..., Any]) -> None:
    clipped, expected = model_with(make(clipvalue=0.25)), model_with(make())
    for index, gradient in enumerate((1.0, 0.5, 0.125)):
        step(clipped, index, gradient=gradient)
        step(expected, index, gradient=min(gradient, 0.25))

    for ours, theirs in zip(clipped.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_that_are_excluded_do_not_decay(make: Callable[..., Any]) -> None:
    """Gradients of zero leave the decay alone."""
    optimizer = make(weight_decay=0.1)
    _innermost(optimizer).exclude_from_weight_decay(var_names=["bias"])
    model = model_with(optimizer)
    model.layers[0].bias.assign(np.ones(4))
    kernel, bias = model.get_weights()
    step(model, 0, gradient=0.0)

    rate = float(np.asarray(model.optimizer.learning_rate))
    np.testing.assert_allclose(model.get_weights()[0], (1 - 0.1 * rate) * kernel, rtol=1e-6)
    np.testing.assert_array_equal(model.get_weights()[1], bias)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if not name.startswith("SWA")])
def test_a_moving_average_is_of_the_weights_after_each_step(name: str) -> None:
    model = model_with(OPTIMIZERS[name](use_ema=True, ema_momentum=0.5))
    expected = None
    for index in range(BATCHES):
        step(model, index)
        weights = np.concatenate([weight.ravel() for weight in model.get_weights()])
        expected = weights if expected is None else 0.5 * expected + 0.5 * weights

    found = np.concatenate([average.ravel() for average in averaged(model)])
    np.testing.assert_allclose(found, expected, rtol=0, atol=TO_FLOAT32)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_it_trains_in_mixed_precision(
    make: Callable[..., Any], precision: str, set_precision: Callable[[str], None]
) -> None:
    set_precision(precision)
    model = model_with(make())
    before = model.get_weights()
    trained(model, 2)

    assert model.optimizer.__class__.__name__ == "LossScaleOptimizer" or precision == "mixed_bfloat16"
    for begun, found in zip(before, model.get_weights(), strict=True):
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert (begun != found).any()


@pytest.mark.slow
def test_an_overflow_of_a_scaled_loss_is_no_step(make: Callable[..., Any]) -> None:
    from kit.compat import keras

    plain = trained(model_with(make()), BATCHES)
    scaled = model_with(keras.optimizers.LossScaleOptimizer(make(), initial_scale=1.0))
    trained(scaled, 2)
    step(scaled, 2, gradient=np.inf)
    trained(scaled, BATCHES - 2, begin=2)

    for expected, found in zip(plain.get_weights(), scaled.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=TO_FLOAT32)


@pytest.fixture
def set_precision() -> Iterator[Callable[[str], None]]:
    from kit.compat import keras

    before = keras.mixed_precision.global_policy()
    yield keras.mixed_precision.set_global_policy
    keras.mixed_precision.set_global_policy(before)


def _variables(model: Any) -> list[Any]:
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def _innermost(optimizer: Any) -> Any:
    inner = getattr(optimizer, "inner_optimizer", None)
    return optimizer if inner is None else _innermost(inner)
