"""Arguments that make no sense are refused by their name and value, and rates of a schedule are those on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kit.errors import SpecError


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RectifiedAdam", {"beta_2": 1.0}, r"beta_2 must be in \[0, 1\), got 1.0"),
        ("RectifiedAdam", {"total_steps": -1}, r"total_steps must be at least 0, got -1"),
        ("AdaBelief", {"warmup_proportion": 1.5}, r"warmup_proportion must be in \[0, 1\], got 1.5"),
        ("Yogi", {"activation": "tan"}, r"unknown activation 'tan'; did you mean 'tanh'\? Known: sign, tanh"),
        ("Yogi", {"beta_1": -0.1}, r"beta_1 must be in \[0, 1\), got -0.1"),
        ("NovoGrad", {"weight_decay": -0.1}, r"weight_decay must be at least 0, got -0.1"),
        ("COCOB", {"alpha": 0.5}, r"alpha must be at least 1, got 0.5"),
        ("COCOB", {"learning_rate": 0.1}, r"COCOB takes no learning_rate: it finds its steps itself"),
        ("Lookahead", {"optimizer": "adam", "sync_period": 0}, r"sync_period must be at least 1, got 0"),
        ("SWA", {"optimizer": "adam", "average_period": 0}, r"average_period must be at least 1, got 0"),
        ("SWA", {"optimizer": "adam", "start_averaging": -1}, r"start_averaging must be at least 0, got -1"),
    ],
)
def test_an_argument_without_sense_is_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    from kit import optimizers

    with pytest.raises(SpecError, match=message):
        getattr(optimizers, name)(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"step_size": 0}, r"step_size must be above 0, got 0"),
        ({"scale": "triangle"}, r"unknown scale 'triangle'; did you mean 'triangular'\?"),
        ({"scale_mode": "steps"}, r"unknown scale_mode 'steps'"),
        ({"gamma": 0.9}, r"gamma=0.9 needs scale='exponential', got 'triangular'"),
    ],
)
def test_a_schedule_refuses_what_it_cannot_do(arguments: dict[str, Any], message: str) -> None:
    from kit.optimizers import CyclicalLearningRate

    with pytest.raises(SpecError, match=message):
        CyclicalLearningRate(
            **{"initial_learning_rate": 0.1, "maximal_learning_rate": 1.0, "step_size": 2, **arguments}
        )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [1, 2, 3, 2, 1, 2, 3, 2, 1]),
        ({"scale": "triangular2"}, [1, 2, 3, 2, 1, 1.5, 2, 1.5, 1]),
        ({"scale": "exponential", "gamma": 0.5}, [1, 1.5, 1.5, 1.125, 1, 1 + 1 / 32, 1 + 2 / 64, 1 + 1 / 128, 1]),
        ({"scale": "exponential", "gamma": 0.5, "scale_mode": "cycle"}, [1, 1.5, 2, 1.5, 1, 1.25, 1.5, 1.25, 1]),
    ],
)
def test_cyclical_rates_are_those_on_paper(arguments: dict[str, Any], expected: list[float]) -> None:
    from kit.compat import keras
    from kit.optimizers import CyclicalLearningRate

    schedule = CyclicalLearningRate(1.0, 3.0, step_size=2, **arguments)
    read = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(schedule))

    for made in (schedule, read):
        np.testing.assert_allclose([float(made(step)) for step in range(9)], expected, rtol=1e-6)
