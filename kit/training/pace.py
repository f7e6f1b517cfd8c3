"""What early stopping and a falling learning rate make of a history: pure, so that a resumed training needs no more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kit.runs import History
from kit.specs import RunSpec
from kit.specs.train import EarlyStoppingSpec, Monitor, ScheduleSpec


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a training stops for now, at the end of an epoch, to go on another time.

    Attributes:
        epochs: of the whole training that are enough for now; None for all.
        deadline: seconds since 1970 that no epoch should pass: one begins only if it would end before, taking as
            long as the one before it.
    """

    epochs: int | None = None
    deadline: float = math.inf


NO_LIMIT = Limit()


def smaller_is_better(monitor: Monitor) -> bool:
    """Tell which way a metric improves."""
    return monitor == "val_loss"


def stops(values: Sequence[float], spec: EarlyStoppingSpec) -> bool:
    """Tell whether a training ends after the last of `values`, as Keras' EarlyStopping would end it.

    Args:
        values: of the spec's monitor, epoch by epoch.
        spec: when to end.
    """
    if not spec.patience:
        return False
    best, waited = math.nan, 0
    for value in values[spec.start_epoch :]:
        if _is_better(value, best, spec.min_delta, spec.monitor):
            best, waited = value, 0
        else:
            waited += 1
            if waited >= spec.patience:
                return True
    return False


def has_stopped(history: History, spec: RunSpec) -> bool:
    """Tell whether early stopping has ended a training."""
    return bool(history.rows) and stops(history.column(spec.train.early_stopping.monitor), spec.train.early_stopping)


def plateau_rate(values: Sequence[float], spec: ScheduleSpec, start: float) -> float:
    """Learning rate of the epoch after the last of `values`, as Keras' ReduceLROnPlateau would set it.

    Args:
        values: of the spec's monitor, epoch by epoch.
        spec: when and how far it falls.
        start: the first epoch's rate.
    """
    rate, best, waited = start, math.nan, 0
    for value in values:
        if _is_better(value, best, spec.min_delta, spec.monitor):
            best, waited = value, 0
        else:
            waited += 1
            if waited >= spec.patience:
                rate, waited = max(rate * spec.factor, min(rate, spec.smallest)), 0
    return rate


def _is_better(value: float, best: float, min_delta: float, monitor: Monitor) -> bool:
    """Compare with the best so far; NaN stands for none, and a value that is NaN is never better."""
    if math.isnan(best):
        return not math.isnan(value)
    gain = best - value if smaller_is_better(monitor) else value - best
    return gain > min_delta
