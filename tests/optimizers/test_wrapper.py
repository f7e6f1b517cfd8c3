"""Optimizers around an optimizer: what is theirs, what is the inner one's, and their averages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contract_optimizers import BATCH, batches, model_with, step, trained

from kit.errors import SpecError


def test_settings_of_the_inner_optimizer_are_refused_with_the_next_step() -> None:
    from kit.optimizers import Lookahead

    with pytest.raises(SpecError, match=r"clipnorm=1.0 belongs to the inner optimizer of Lookahead; give it there"):
        Lookahead("adam", clipnorm=1.0)


def test_swa_refuses_a_second_average() -> None:
    from kit.optimizers import SWA

    with pytest.raises(SpecError, match=r"SWA keeps an average itself; leave out use_ema"):
        SWA("adam", use_ema=True)


def test_slow_weights_begin_with_those_before_the_first_step_not_with_those_when_it_was_built() -> None:
    from kit.optimizers import Lookahead

    model = model_with(Lookahead(_sgd(), sync_period=1, slow_step_size=0.25))
    loaded = [weight + 1 for weight in model.get_weights()]
    model.set_weights(loaded)
    step(model, 0, gradient=1.0)

    for before, after in zip(loaded, model.get_weights(), strict=True):
        np.testing.assert_allclose(after, before - 0.25 * 0.5, rtol=1e-6)


def test_the_learning_rate_is_that_of_the_inner_optimizer() -> None:
    from kit.optimizers import SWA, Lookahead

    optimizer = SWA(Lookahead(_sgd()))
    optimizer.learning_rate = 0.125

    assert 0.125 == float(np.asarray(optimizer.learning_rate))
    assert 0.125 == float(np.asarray(optimizer.inner_optimizer.inner_optimizer.learning_rate))


def test_averages_of_swa_are_the_weights_until_it_begins_and_then_their_mean() -> None:
    from kit.optimizers import SWA

    model = model_with(SWA(_sgd(), start_averaging=1, average_period=2))
    kernels = []
    for index in range(5):
        step(model, index)
        kernels.append(model.get_weights()[0])
        chosen = kernels[1::2] or kernels

        np.testing.assert_allclose(model.optimizer.averages()[0].numpy(), np.mean(chosen, axis=0), rtol=0, atol=1e-6)


def test_a_fit_ends_with_the_mean_of_swa() -> None:
    from kit.optimizers import SWA

    plain = model_with(_sgd())
    kernels = []
    for index in range(3):
        step(plain, index)
        kernels.append(plain.get_weights()[0])
    model = model_with(SWA(_sgd(), average_period=1))
    model.fit(*(values[: 3 * BATCH] for values in batches()), batch_size=BATCH, shuffle=False, verbose=0)

    np.testing.assert_allclose(model.get_weights()[0], np.mean(kernels, axis=0), rtol=0, atol=1e-6)


def test_a_fit_ends_with_the_moving_average_of_a_wrapper_as_with_that_of_keras() -> None:
    from kit.optimizers import Lookahead

    model = model_with(Lookahead(_sgd(), use_ema=True, ema_momentum=0.5))
    model.fit(*batches(), batch_size=BATCH, shuffle=False, verbose=0)

    np.testing.assert_array_equal(model.get_weights()[0], model.optimizer.averages()[0].numpy())


def test_weights_are_overwritten_by_the_moving_average_as_often_as_asked() -> None:
    from kit.optimizers import Lookahead

    average = {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2}
    expected = trained(model_with(_sgd(**average)), 5)
    found = trained(model_with(Lookahead(_sgd(), sync_period=100, **average)), 5)

    np.testing.assert_allclose(found.get_weights()[0], expected.get_weights()[0], rtol=0, atol=1e-6)


def test_averages_are_found_inside_other_optimizers() -> None:
    from kit.optimizers import SWA, Lookahead

    swa = trained(model_with(Lookahead(SWA(_sgd(), average_period=1))), 2).optimizer
    ema = trained(model_with(Lookahead(_sgd(use_ema=True))), 2).optimizer

    assert swa.inner_optimizer.averages() == swa.averages()
    assert ema.inner_optimizer._model_variables_moving_average == ema.averages()  # noqa: SLF001
    assert trained(model_with(Lookahead(_sgd())), 1).optimizer.averages() is None


def test_a_weights_file_holds_each_variable_once(tmp_path: Any) -> None:
    import h5py

    from kit.optimizers import Lookahead

    model = trained(model_with(Lookahead("adam")), 1)
    model.save_weights(tmp_path / "model.weights.h5")
    kept = 0
    with h5py.File(tmp_path / "model.weights.h5") as file:
        sizes: list[int] = []
        file["optimizer"].visititems(lambda _, one: sizes.append(one.size) if hasattr(one, "size") else None)
        kept = sum(sizes)

    assert sum(int(np.prod(variable.shape)) for variable in model.optimizer.variables) == kept


def test_a_file_of_another_optimizer_is_refused(tmp_path: Any) -> None:
    from kit.optimizers import SWA, Lookahead

    trained(model_with(_sgd()), 1).save_weights(tmp_path / "sgd.weights.h5")

    with pytest.raises(ValueError, match=r"has 3 variables of its own, the file 2"):
        model_with(Lookahead(SWA(_sgd()), name="ahead")).load_weights(tmp_path / "sgd.weights.h5")


def _sgd(**arguments: Any) -> Any:
    from kit.compat import keras

    return keras.optimizers.SGD(learning_rate=0.5, **arguments)
