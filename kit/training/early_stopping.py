"""What early stopping makes of a history: pure, so that a resumed training needs no more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kit.metrics.direction import smaller_is_better
from kit.runs import History
from kit.runs.history import best_epoch
from kit.specs import RunSpec, TrainSpec
from kit.specs.train import EarlyStoppingSpec, Monitor


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a training stops for now, at the end of an epoch, to go on another time.

    Attributes:
        epochs: Epochs of the whole training that are enough for now; None for all.
        deadline: Seconds since 1970 that no epoch should pass: one begins only if it would end before, taking as long
            as the one before it.
    """

    epochs: int | None = None
    deadline: float = math.inf


NO_LIMIT = Limit()


def chosen_epoch(values: Sequence[float], spec: TrainSpec) -> int | None:
    """Find the epoch (from 0) whose weights are kept as the best, by `values` of its monitor; see `best_epoch`."""
    start = spec.early_stopping.start_epoch
    return best_epoch(values, smaller_is_better=smaller_is_better(spec.monitor), start=start)


def is_best_so_far(values: Sequence[float], spec: TrainSpec) -> bool:
    """Tell whether the weights of the last of `values` are kept: those of the first epoch that counts always are.

    Before it each epoch's are, so that a run always has weights, and those of the last one if it never comes.
    """
    last = len(values) - 1
    return last <= spec.early_stopping.start_epoch or last == chosen_epoch(values, spec)


def stops(values: Sequence[float], spec: EarlyStoppingSpec) -> bool:
    """Tell whether a training ends after the last of `values`, as Keras' EarlyStopping would end it.

    Keras 3 takes the first value for the best even if it is not a number, and nothing is better than that ever after.
    Here a number is: what begins with NaN and recovers goes on.

    Args:
        values: Figures of the spec's monitor, epoch by epoch.
        spec: Rule that ends it.
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
    """Tell whether early stopping has ended a training."""
    return bool(history.rows) and stops(history.column(spec.train.early_stopping.monitor), spec.train.early_stopping)


def is_better(value: float, best: float | None, min_delta: float, monitor: Monitor) -> bool:
    """Compare with the best so far; the first value is better than none, and a number than NaN.

    Args:
        value: Figure of the latest epoch.
        best: Best figure before it; None before the first epoch.
        min_delta: Gain below which it counts as no better.
        monitor: Name of the metric, which tells the way it improves.
    """
    if best is None or math.isnan(best):
        return best is None or not math.isnan(value)
    gain = best - value if smaller_is_better(monitor) else value - best
    return gain > min_delta
