from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.specs import TrainSpec
from kit.specs.schedule import Monitor, ScheduleSpec
from kit.specs.train import EarlyStoppingSpec
from kit.training.early_stopping import chosen_epoch, is_best_so_far, stops
from kit.training.lr_schedule import plateau_rate

VALUES = st.builds(  # some trainings begin with NaN, and some of them never leave it
    lambda nans, values: [math.nan] * nans + values,
    st.sampled_from([0, 0, 0, 1, 2, 6]),
    st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.7, math.nan]), max_size=25),
)
MONITORS = st.sampled_from(["val_loss", "val_accuracy"])
STOPPING = st.builds(
    EarlyStoppingSpec,
    patience=st.integers(1, 5),
    monitor=MONITORS,
    min_delta=st.sampled_from([0.0, 0.05, 0.2]),
    start_epoch=st.integers(0, 6),
)
PLATEAUS = st.builds(
    ScheduleSpec,
    kind=st.just("plateau"),
    monitor=MONITORS,
    patience=st.integers(1, 5),
    factor=st.sampled_from([0.1, 0.3, 0.5]),
    smallest=st.sampled_from([0.0, 0.0005, 0.01]),
    min_delta=st.sampled_from([0.0, 0.0001, 0.1]),
)


class Model:
    """What Keras' callbacks need of a model."""

    def __init__(self) -> None:
        from kit.compat import keras

        self.stop_training = False
        self.epoch = -1
        self.optimizer = keras.optimizers.SGD(learning_rate=0.001)

    def get_weights(self) -> int:
        """Give the epoch: nothing else is restored here."""
        return self.epoch

    def set_weights(self, epoch: int) -> None:
        """Take the weights of an epoch."""
        self.epoch = epoch


def nans(values: list[float]) -> int:
    """Count the values before the first number."""
    return next((place for place, value in enumerate(values) if not math.isnan(value)), len(values))


@given(VALUES, STOPPING)
@settings(max_examples=60, deadline=None)
def test_early_stopping_ends_where_keras_would(values: list[float], spec: EarlyStoppingSpec) -> None:
    from kit.compat import keras

    model = Model()
    theirs = keras.callbacks.EarlyStopping(
        monitor=spec.monitor,
        patience=spec.patience,
        min_delta=spec.min_delta,
        start_from_epoch=spec.start_epoch,
        mode="min" if spec.monitor == "val_loss" else "max",
    )
    theirs.set_model(model)
    theirs.on_train_begin()
    number = spec.start_epoch + nans(values[spec.start_epoch :])
    for epoch, value in enumerate(values):
        if epoch == number:
            theirs.on_train_begin()  # Keras never gets over a NaN that it began with
        theirs.on_epoch_end(epoch, {spec.monitor: value})

        assert model.stop_training == stops(values[: epoch + 1], spec)
        if model.stop_training:
            return


@given(VALUES.filter(bool), MONITORS, st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_the_weights_that_are_kept_are_those_that_keras_would_restore(
    values: list[float], monitor: Monitor, start: int
) -> None:
    from kit.compat import keras

    spec = TrainSpec(monitor=monitor, early_stopping=EarlyStoppingSpec(start_epoch=start))
    model = Model()
    theirs = keras.callbacks.EarlyStopping(
        monitor=monitor,
        patience=1000,
        restore_best_weights=True,
        start_from_epoch=start,
        mode="min" if monitor == "val_loss" else "max",
    )
    theirs.set_model(model)
    theirs.on_train_begin()
    kept = -1
    for epoch, value in enumerate(values):
        if epoch == start + nans(values[start:]):
            theirs.on_train_begin()  # Keras never gets over a NaN that it began with
        model.epoch = epoch
        theirs.on_epoch_end(epoch, {monitor: value})
        kept = epoch if is_best_so_far(values[: epoch + 1], spec) else kept
    theirs.on_train_end()

    assert kept == model.epoch
    assert (None if math.isnan(values[kept]) else kept) == chosen_epoch(values, spec)


@given(VALUES, PLATEAUS)
@settings(max_examples=60, deadline=None)
def test_the_rate_falls_as_keras_would_let_it(values: list[float], spec: ScheduleSpec) -> None:
    from kit.compat import keras

    model = Model()
    theirs = keras.callbacks.ReduceLROnPlateau(
        monitor=spec.monitor,
        patience=spec.patience,
        factor=spec.factor,
        min_lr=spec.smallest,
        min_delta=spec.min_delta,
        mode="min" if spec.monitor == "val_loss" else "max",
    )
    theirs.set_model(model)
    theirs.on_train_begin()
    for epoch, value in enumerate(values):
        if epoch == nans(values):
            theirs.on_train_begin()  # Keras never gets over a NaN that it began with
        theirs.on_epoch_end(epoch, {spec.monitor: value})

        assert float(model.optimizer.learning_rate) == pytest.approx(plateau_rate(values[: epoch + 1], spec, 0.001))


def test_a_first_value_that_is_no_number_is_no_best() -> None:
    spec = EarlyStoppingSpec(patience=2, monitor="val_loss")

    assert not stops([math.nan, 0.5, 0.4, 0.5], spec)
    assert stops([math.nan, 0.5, 0.4, 0.5, 0.5], spec)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_values_that_never_are_numbers_end_a_training_when_keras_would(patience: int) -> None:
    spec = EarlyStoppingSpec(patience=patience, monitor="val_loss")

    assert not stops([math.nan] * patience, spec)
    assert stops([math.nan] * (patience + 1), spec)


def test_without_patience_nothing_ends() -> None:
    assert not stops([0.5] * 1000, EarlyStoppingSpec())
