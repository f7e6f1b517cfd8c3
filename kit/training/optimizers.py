"""Makes the optimizer of a training from its name, its arguments and the settings beside them."""

from __future__ import annotations

import importlib
from typing import Any

from kit.compat import keras
from kit.errors import SpecError
from kit.specs import TrainSpec
from kit.specs.named_arguments import shared_out
from kit.specs.optimizers import OptimizerEntry
from kit.training.lr_schedule import scheduled_rate

_KERAS = "keras.optimizers."


def make_optimizer(spec: TrainSpec, steps: int, rate: float) -> Any:
    """Make an optimizer, the innermost first.

    Args:
        spec: Settings of the training.
        steps: Number of steps of an epoch.
        rate: Learning rate at the start; see `kit.training.lr_schedule.first_rate`.
    """
    entries = spec.optimizer_entries
    shares = shared_out(spec.optimizer_args, [entry.takes for entry in entries])
    made: Any = None
    for entry, share in zip(reversed(entries), reversed(shares), strict=True):
        given = {**share, **_settings(spec, entry)}
        if spec.ema and entry is entries[0]:
            given |= {"use_ema": True, "ema_momentum": spec.ema}
        if not entry.wraps and entry.has_rate:
            given |= {"learning_rate": scheduled_rate(spec, steps, rate)}
        made = _make(entry, *([made] if entry.wraps else []), **given)
    return made


def check_optimizer(spec: TrainSpec) -> None:
    """Make an optimizer and discard it, as some values of arguments are refused by its class alone.

    Raises:
        SpecError: Its class refuses a value.
    """
    try:
        make_optimizer(spec, 1, spec.learning_rate)
    except (TypeError, ValueError) as error:  # SpecError is a ValueError
        why = error.marked if isinstance(error, SpecError) else str(error)
        given = ", ".join(f"{name}={value}" for name, value in spec.optimizer_args.items())
        raise SpecError(f"train.optimizer_args: {spec.optimizer} does not take {given}: {why}") from error


def _settings(spec: TrainSpec, entry: OptimizerEntry) -> dict[str, Any]:
    return {argument: getattr(spec, setting) for argument, setting in entry.settings.items()}


def _make(entry: OptimizerEntry, *inner: Any, **given: Any) -> Any:
    if entry.is_made_by_addons:
        from kit.training.addons import make_addon_optimizer  # noqa: PLC0415 (TensorFlow Addons, in its lane only)

        return make_addon_optimizer(entry, *inner, **given)
    return _class(entry.made_by)(*inner, **given)


def _class(path: str) -> Any:
    """Import a class of Keras, which is TensorFlow's, or of kit."""
    module, _, name = path.rpartition(".")
    if path.startswith(_KERAS):
        legacy = keras.optimizers.legacy if module.endswith("legacy") else keras.optimizers
        return getattr(legacy, name)
    return getattr(importlib.import_module(module), name)
