"""Keras' operations, the type of an update's scalars, and the checks of arguments."""

from __future__ import annotations

from typing import Any

from kit.compat import keras, needs_keras_3
from kit.errors import require

needs_keras_3("kit.optimizers")  # whose optimizers have another base class
ops = keras.ops


def scalar_type(variable: Any) -> str:
    """Choose the type in which a variable's scalars are computed: half precision cannot count steps."""
    return "float64" if keras.backend.standardize_dtype(variable.dtype) == "float64" else "float32"


def check_betas(**betas: float) -> None:
    """Refuse shares of moments outside [0, 1).

    Raises:
        SpecError: A share is outside.
    """
    for name, beta in betas.items():
        require(0 <= beta < 1, f"{name} must be in [0, 1), got {beta}")
