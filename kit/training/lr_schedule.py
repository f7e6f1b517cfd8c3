"""Learning-rate schedules: the first rate, cosine decay by the step, and falling on a plateau by the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.compat import keras
from kit.specs import TrainSpec
from kit.specs.train import ScheduleSpec
from kit.training.devices import choose_strategy
from kit.training.early_stopping import is_better


def first_rate(spec: TrainSpec) -> float:
    """Learning rate that a training on this process' devices begins with, or rises to.

    Args:
        spec: Settings of the training.
    """
    return spec.learning_rate * (choose_strategy().num_replicas_in_sync if spec.scale_learning_rate else 1)


def scheduled_rate(spec: TrainSpec, steps: int, rate: float) -> Any:
    """Give the learning rate that an optimizer takes: a number, or Keras' cosine schedule.

    Args:
        spec: Settings of the training.
        steps: Steps of an epoch.
        rate: Learning rate to begin with, or to rise to; see `first_rate`.
    """
    schedule = spec.schedule
    if schedule.kind != "cosine":
        return rate
    warmup = schedule.warmup_epochs * steps
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        max(1, spec.epochs * steps - warmup),
        alpha=min(1.0, schedule.smallest / rate),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def plateau_rate(values: Sequence[float], spec: ScheduleSpec, start: float) -> float:
    """Learning rate of the epoch after the last of `values`, as Keras' ReduceLROnPlateau would set it.

    After values that are not numbers a number counts as better, as in `kit.training.early_stopping.stops`.

    Args:
        values: Figures of the spec's monitor, epoch by epoch.
        spec: Rule by which it falls.
        start: Rate of the first epoch.
    """
    best: float | None = None
    rate, waited = start, 0
    for value in values:
        if is_better(value, best, spec.min_delta, spec.monitor):
            best, waited = value, 0
        else:
            waited += 1
            if waited >= spec.patience:
                rate, waited = max(rate * spec.factor, min(rate, spec.smallest)), 0
    return rate
