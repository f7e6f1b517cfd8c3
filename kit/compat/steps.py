"""Compilation of steps by XLA, and the metrics that they update."""

from __future__ import annotations

from typing import Any, Literal

from kit.compat.lane import IS_KERAS_3


def jit_setting(jit: Literal["auto", "on", "off"]) -> bool | str:
    """Return the argument `jit_compile` of `compile`; Keras 2.15 takes "auto" for yes, where kit means no."""
    return jit if IS_KERAS_3 and jit == "auto" else jit == "on"


def build_metrics(model: Any, labels: Any, outputs: Any) -> None:
    """Make the variables of a compiled model's metrics, which Keras makes only when a step is traced.

    Args:
        model: Compiled Keras model.
        labels: Labels of some images; in Keras 3 the metrics count them.
        outputs: Outputs for the same images.
    """
    if IS_KERAS_3:
        model.compute_metrics(None, labels, outputs)
        return
    model.compiled_loss.build(outputs)
    model.compiled_metrics.build(outputs, labels)
