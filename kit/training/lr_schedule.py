"""Learning-rate schedules: initial rate, cosine decay and cycles by the step, reduction on a plateau by the epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.specs import TrainSpec
from kit.specs.schedule import ScheduleSpec
from kit.specs.schedules import EPOCHS, INITIAL, MAXIMAL, STEPS, CyclicalEntry, cyclical_entries
from kit.training.cosine_decay import CosineDecay
from kit.training.devices import choose_strategy
from kit.training.early_stopping import is_better

_EPOCHS = 2.0  # epochs of half a cycle; Smith 2017 takes 2 to 10
_LOWEST = 0.1  # lowest rate of a cycle, as a share of the highest


def first_rate(spec: TrainSpec) -> float:
    """Return the learning rate at the start of a training on this process' devices, or at the end of its warm-up.

    Args:
        spec: Settings of the training.
    """
    return spec.learning_rate * (choose_strategy().num_replicas_in_sync if spec.scale_learning_rate else 1)


def scheduled_rate(spec: TrainSpec, steps: int, rate: float) -> Any:
    """Return the learning rate for an optimizer: a number, or a schedule of kit or of TensorFlow Addons.

    Args:
        spec: Settings of the training.
        steps: Number of steps of an epoch.
        rate: Initial learning rate; see `first_rate`.
    """
    schedule = spec.schedule
    if entry := cyclical_entries().get(schedule.kind):
        return _cyclical(entry, schedule.args, steps, spec.learning_rate, rate / spec.learning_rate)
    if schedule.kind != "cosine":
        return rate
    warmup = schedule.warmup_epochs * steps
    return CosineDecay(
        0.0 if warmup else rate,
        max(1, spec.epochs * steps - warmup),
        alpha=min(1.0, schedule.smallest / rate),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup,
    )


def _cyclical(entry: CyclicalEntry, args: Mapping[str, Any], steps: int, highest: float, factor: float) -> Any:
    """Make a cyclical schedule; its rates are multiplied by a factor."""
    maximal = factor * args.get(MAXIMAL, highest)
    initial = factor * args[INITIAL] if INITIAL in args else maximal * _LOWEST
    size = args[STEPS] if STEPS in args else args.get(EPOCHS, _EPOCHS) * steps
    others = {name: value for name, value in args.items() if name not in {MAXIMAL, INITIAL, STEPS, EPOCHS}}
    given = {INITIAL: initial, MAXIMAL: maximal, STEPS: size, **others}
    if entry.scale:
        from kit.optimizers import CyclicalLearningRate  # noqa: PLC0415 (Keras 3's)

        return CyclicalLearningRate(**given, scale=entry.scale)
    from kit.training.addons import make_addon_schedule  # noqa: PLC0415 (TensorFlow Addons, in its lane only)

    return make_addon_schedule(entry.addon, given)


def plateau_rate(values: Sequence[float], spec: ScheduleSpec, start: float) -> float:
    """Compute the learning rate of the epoch after the last one in `values`, as with Keras' ReduceLROnPlateau.

    A number is better than NaN, as in `kit.training.early_stopping.stops`.

    Args:
        values: Values of the schedule's monitor, one for each epoch.
        spec: Settings of the schedule.
        start: Learning rate of the first epoch.
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
