"""The figures of TensorFlow Addons: kit's optimizers, and Keras' own that take their place, have the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import addons_figures
import numpy as np
import pytest
from addons_figures import CASES, Figures

from kit.errors import MissingDependencyError

TOLERANCE = 2e-5  # float32, over 20 steps
DECAY = 0.8  # of the moving average


def _shared_out() -> Iterator[Any]:
    """Yield all cases: the first of each optimizer is a fast test, the others are slow ones."""
    seen = set[str]()
    for name, case in CASES.items():
        yield pytest.param(name, marks=[pytest.mark.slow] if case.ours.kind in seen else [])
        seen.add(case.ours.kind)


@pytest.fixture(scope="module")
def kept() -> Mapping[str, Figures]:
    return addons_figures.read()


@pytest.mark.parametrize("name", list(_shared_out()))
def test_an_optimizer_does_what_that_of_addons_does(name: str, kept: Mapping[str, Figures]) -> None:
    ours, theirs = _ours(name), kept[name]

    np.testing.assert_allclose(ours.losses, theirs.losses, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=0, atol=TOLERANCE)
    if name.startswith("SWA"):
        np.testing.assert_allclose(_begun(name, ours), _begun(name, theirs), rtol=0, atol=TOLERANCE)


def test_the_file_moves_the_weights_far_more_than_the_tolerance(kept: Mapping[str, Figures]) -> None:
    begin = addons_figures.shown(addons_figures.initial())
    moved = {name: np.abs(figures.weights[-1] - begin).max() / TOLERANCE for name, figures in kept.items()}

    assert {} == {name: times for name, times in moved.items() if times < 50}


def test_the_moving_average_of_keras_begins_after_the_first_step_and_that_of_addons_before(
    kept: Mapping[str, Figures],
) -> None:
    ours, theirs = _ours("MovingAverage"), kept["MovingAverage"]
    assert ours.averages is not None
    assert theirs.averages is not None

    first = addons_figures.shown(addons_figures.initial()) - theirs.weights[0]
    begun = DECAY ** np.arange(1, addons_figures.STEPS + 1)
    np.testing.assert_allclose(ours.averages + begun[:, None] * first, theirs.averages, rtol=0, atol=TOLERANCE)


@pytest.mark.addons
@pytest.mark.parametrize("name", CASES)
def test_the_file_is_what_addons_does(name: str, kept: Mapping[str, Figures]) -> None:
    pytest.importorskip("tensorflow_addons")
    measured = addons_figures.measure(CASES[name])

    for part in ("losses", "weights", "averages"):
        expected, found = getattr(kept[name], part), getattr(measured, part)
        assert (expected is None) == (found is None)
        if expected is not None:
            np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE / 10)


@pytest.mark.addons
def test_keras_2_is_refused_by_name() -> None:
    pytest.importorskip("tensorflow_addons")
    with pytest.raises(MissingDependencyError, match=r"kit\.optimizers needs Keras 3"):
        import kit.optimizers  # noqa: F401


def _begun(name: str, figures: Figures) -> Any:
    """Return the averages since averaging began: before, Addons has zeros and kit the weights."""
    assert figures.averages is not None
    return figures.averages[CASES[name].addons.arguments.get("start_averaging", 0) :]


def _ours(name: str) -> Figures:
    from kit import optimizers
    from kit.compat import keras

    made = CASES[name].ours.make(optimizers, keras.optimizers)
    return addons_figures.train(keras, made, _averages)


def _averages(optimizer: Any, _: Any) -> Any:
    if hasattr(optimizer, "averages"):
        return optimizer.averages()
    return optimizer._model_variables_moving_average if optimizer.use_ema else None  # noqa: SLF001
