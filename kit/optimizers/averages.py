"""The averaged weights that an optimizer keeps, whatever wraps it."""

from __future__ import annotations

from typing import Any


def averages(optimizer: Any) -> list[Any] | None:
    """Find the averaged weights that an optimizer, or one inside it, keeps: by SWA or by Keras' `use_ema`.

    Args:
        optimizer: Keras optimizer that is built, alone or in wrappers such as Lookahead or LossScaleOptimizer.

    Returns:
        Variables in the order of the trainable variables; None if there are none.
    """
    if callable(kept := getattr(optimizer, "averages", None)):
        return list(kept())
    if getattr(optimizer, "use_ema", False):
        return list(optimizer._model_variables_moving_average)  # noqa: SLF001 (as Keras' own SwapEMAWeights)
    inner = getattr(optimizer, "inner_optimizer", None)
    return None if inner is None else averages(inner)
