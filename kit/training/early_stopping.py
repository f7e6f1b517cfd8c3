"""Early stopping and the best epoch: pure functions of a history, so that a resumed training needs no other state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kit.metrics.direction import smaller_is_better
from kit.runs import History
from kit.runs.history import best_epoch
from kit.specs import RunSpec, TrainSpec
from kit.specs.schedule import Monitor
from kit.specs.train import EarlyStoppingSpec


@dataclass(frozen=True, slots=True)
class Limit:
    """Point at which a training is interrupted, at the end of an epoch, to be resumed later.

    Attributes:
        epochs: Number of epochs, counted from the beginning of the training; None for all.
        deadline: Time that no epoch should exceed, seconds since 1970: an epoch begins only if it would end before,
            taking as long as the previous one.
    """

    epochs: int | None = None
    deadline: float = math.inf


NO_LIMIT = Limit()


def chosen_epoch(values: Sequence[float], spec: TrainSpec) -> int | None:
    """Find the epoch (from 0) whose weights are kept as the best, by the values of the monitor; see `best_epoch`."""
    start = spec.early_stopping.start_epoch
    return best_epoch(values, smaller_is_better=smaller_is_better(spec.monitor), start=start)


def is_best_so_far(values: Sequence[float], spec: TrainSpec) -> bool:
    """Return whether the weights of the last epoch in `values` are kept as the best.

    Those of every epoch before `start_epoch`, and of the first one after it, are kept in turn, so that a run always has
    weights: those of its last epoch if it ends before.
    """
    last = len(values) - 1
    return last <= spec.early_stopping.start_epoch or last == chosen_epoch(values, spec)


def stops(values: Sequence[float], spec: EarlyStoppingSpec) -> bool:
    """Return whether a training ends after the last epoch in `values`, as with Keras' EarlyStopping.

    Keras 3 takes the first value as the best even if it is NaN, and no later value is better than NaN. Here a number is
    better than NaN, so that a training that begins with NaN and recovers continues.

    Args:
        values: Values of the monitor, one for each epoch.
        spec: Settings of early stopping.
    """
    if not spec.patience:
        return False
    best: float | None = None
    waited = 0
    for value in values[spec.start_epoch :]:
        if is_better(value, best, spec.min_delta, spec.monitor):
            best, waited = value, 0
        else:
            waited += 1
            if waited >= spec.patience:
                return True
    return False


def has_stopped(history: History, spec: RunSpec) -> bool:
    """Return whether early stopping has ended a training."""
    return bool(history.rows) and stops(history.column(spec.train.early_stopping.monitor), spec.train.early_stopping)


def is_better(value: float, best: float | None, min_delta: float, monitor: Monitor) -> bool:
    """Compare a value with the best so far; any value is better than none, and a number better than NaN.

    Args:
        value: Value of the latest epoch.
        best: Best value before it; None before the first epoch.
        min_delta: Smallest change that counts as an improvement.
        monitor: Name of the metric, which decides the direction of improvement.
    """
    if best is None or math.isnan(best):
        return best is None or not math.isnan(value)
    gain = best - value if smaller_is_better(monitor) else value - best
    return gain > min_delta
