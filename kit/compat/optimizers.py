"""Optimizers: those of Keras 3, those of Keras 2.15, and its legacy ones, which TensorFlow Addons builds on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kit.compat.lane import IS_KERAS_3
from kit.compat.tensorflow import tf

_INNER = ("inner_optimizer",) if IS_KERAS_3 else ("inner_optimizer", "_optimizer")


def build_optimizer(optimizer: Any, variables: Sequence[Any]) -> None:
    """Make an optimizer's variables, those of the optimizers that it wraps too.

    Args:
        optimizer: Optimizer of a compiled model.
        variables: Trainable variables of the model.
    """
    if not IS_KERAS_3:
        for part in _parts(optimizer):
            if "jit_compile" in vars(part):
                part.jit_compile = False  # on GPUs Keras 2.15 would compile updates by XLA without being asked
    build = getattr(optimizer, "build", None) or optimizer._create_all_weights  # noqa: SLF001 (legacy ones have no other)
    build(variables)


def optimizer_variables(optimizer: Any) -> list[Any]:
    """List an optimizer's variables, those of wrapped optimizers and of loss scaling too, each once."""
    if IS_KERAS_3:
        return list(optimizer.variables)
    found = [variable for part in _parts(optimizer) for variable in _own_variables(part)]
    return list({id(variable): variable for variable in found}.values())


def _own_variables(part: Any) -> Iterator[Any]:
    """Yield what Keras 2.15 lists as weights of an optimizer, and what it does not list: rates and the loss scale."""
    held = vars(part)
    yield from part.variables()
    yield from getattr(held.get("_loss_scale"), "_weights", {}).values()
    others = [*held.get("_hyper", {}).values(), held.get("_learning_rate"), held.get("_current_learning_rate")]
    yield from (other for other in others if isinstance(other, tf.Variable))


def _parts(optimizer: Any) -> Iterator[Any]:
    """Yield an optimizer and those that it wraps, from the outermost on."""
    part = optimizer
    while part is not None:
        yield part
        part = next((inner for name in _INNER if (inner := getattr(part, name, None)) is not None), None)


def learning_rate(optimizer: Any) -> float:
    """Return the learning rate of the next step; 1 for an optimizer without one, as with Keras 3."""
    try:
        rate = optimizer.learning_rate
    except (AttributeError, KeyError):  # COCOB of TensorFlow Addons, alone or within its wrappers
        return 1.0
    if not IS_KERAS_3:
        *_, innermost = _parts(optimizer)
        scheduled = vars(innermost).get("_learning_rate", rate)
        rate = scheduled(optimizer.iterations) if callable(scheduled) else rate
    return float(tf.convert_to_tensor(rate))  # mirrored over replicas


def averages(optimizer: Any, variables: Sequence[Any]) -> Sequence[Any] | None:
    """Return the averages that an optimizer keeps of trainable variables; None if it keeps none, or not yet.

    An optimizer of kit's own says so by a method `averages`.

    Args:
        optimizer: Optimizer of a compiled model.
        variables: Trainable variables of the model.
    """
    for part in _parts(optimizer):
        if hasattr(part, "averages"):
            found: Sequence[Any] | None = part.averages()
        elif getattr(part, "use_ema", False):
            found = getattr(part, "_model_variables_moving_average", None)  # as Keras' own SwapEMAWeights
        else:
            found = _average_slots(part, variables)
        if found is not None:
            return found
    return None


def _average_slots(part: Any, variables: Sequence[Any]) -> Sequence[Any] | None:
    """Return the averages of a wrapper of TensorFlow Addons; those of SWA are zeros before its first snapshot."""
    if "average" not in getattr(part, "get_slot_names", list)():
        return None
    first = vars(part).get("_hyper", {}).get("start_averaging")
    if first is not None and int(part.iterations) <= int(tf.convert_to_tensor(first)):
        return None
    return [part.get_slot(variable, "average") for variable in variables]
