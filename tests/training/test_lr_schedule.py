"""Learning rates by the step, as Keras' schedules write them, and as a graph of TensorFlow computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from kit.compat import keras, tf
from kit.specs import TrainSpec
from kit.specs.schedule import ScheduleSpec
from kit.training.lr_schedule import scheduled_rate

EPOCHS, STEPS = 2, 17  # 34 steps: a number by which products and quotients are rounded differently
SPEC = TrainSpec(learning_rate=0.001, epochs=EPOCHS)
SCHEDULES = [
    ScheduleSpec(kind="cosine"),
    ScheduleSpec(kind="cosine", smallest=0.0003),
    ScheduleSpec(kind="cosine", warmup_epochs=1),
    ScheduleSpec(kind="triangular"),
    ScheduleSpec(kind="triangular2"),
]


def rate_of(schedule: ScheduleSpec) -> Any:
    return scheduled_rate(replace(SPEC, schedule=schedule), STEPS, SPEC.learning_rate)


@pytest.mark.parametrize("warmup", [0, 1])
def test_a_cosine_is_that_of_keras(warmup: int) -> None:
    ours = rate_of(ScheduleSpec(kind="cosine", warmup_epochs=warmup, smallest=0.0001))
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else 0.001,
        (EPOCHS - warmup) * STEPS,
        alpha=0.1,
        warmup_target=0.001 if warmup else None,
        warmup_steps=warmup * STEPS,
    )
    steps = range(EPOCHS * STEPS + 3)

    np.testing.assert_allclose(
        [float(ours(step)) for step in steps], [float(theirs(step)) for step in steps], rtol=1e-6
    )


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.kind)
def test_a_graph_computes_the_rates_to_the_last_bit(schedule: ScheduleSpec) -> None:
    """TensorFlow simplifies graphs, and those of several machines not as those of one: here nothing is to simplify."""
    rate = rate_of(schedule)
    step = tf.Variable(0, dtype=tf.int64)
    in_graph = tf.function(lambda: rate(step))
    for number in range(EPOCHS * STEPS):
        step.assign(number)

        assert float(rate(step)) == float(in_graph()), number
