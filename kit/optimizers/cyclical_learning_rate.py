"""Cyclical learning rates (Smith 2017, arXiv:1506.01186)."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from kit.compat import keras, quotient
from kit.errors import require, unknown
from kit.optimizers.scalars import ops

Scale: TypeAlias = Literal["triangular", "triangular2", "exponential"]
ScaleMode: TypeAlias = Literal["cycle", "iterations"]

_SCALES = ("triangular", "triangular2", "exponential")
_MODES = ("cycle", "iterations")


@keras.utils.register_keras_serializable(package="kit")
class CyclicalLearningRate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # untyped here
    """A learning rate that rises and falls linearly, over and over (Smith 2017, arXiv:1506.01186).

    The scales are TensorFlow Addons' TriangularCyclicalLearningRate, Triangular2CyclicalLearningRate and
    ExponentialCyclicalLearningRate: the height of a cycle stays, halves with every cycle, or falls by `gamma`.

    Args:
        initial_learning_rate: Lowest learning rate.
        maximal_learning_rate: Highest learning rate.
        step_size: Number of steps in half a cycle.
        scale: Height of the cycles: "triangular", "triangular2" or "exponential".
        scale_mode: Unit of `scale`: "cycle" or "iterations"; None for "iterations" if it is exponential, else "cycle".
        gamma: Factor of the height per unit, if it is exponential.
        name: Name of the operations.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        maximal_learning_rate: float,
        step_size: float,
        *,
        scale: Scale = "triangular",
        scale_mode: ScaleMode | None = None,
        gamma: float = 1.0,
        name: str = "CyclicalLearningRate",
    ) -> None:
        require(step_size > 0, f"step_size must be above 0, got {step_size}")
        require(scale in _SCALES, unknown("scale", scale, _SCALES))
        require(scale_mode is None or scale_mode in _MODES, unknown("scale_mode", str(scale_mode), _MODES))
        require(gamma == 1 or scale == "exponential", f"gamma={gamma} needs scale='exponential', got {scale!r}")
        self.initial_learning_rate = initial_learning_rate
        self.maximal_learning_rate = maximal_learning_rate
        self.step_size = step_size
        self.scale = scale
        self.scale_mode = scale_mode or ("iterations" if scale == "exponential" else "cycle")
        self.gamma = gamma
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Compute the learning rate of a step, counted from 0."""
        step = ops.cast(step, keras.backend.floatx())
        cycle = ops.floor(1 + quotient(step, 2 * self.step_size))
        height = 1 - ops.abs(quotient(step, self.step_size) - (2 * cycle - 1))  # in an order that graphs keep
        height = ops.relu(height) * self._scaled(cycle if self.scale_mode == "cycle" else step)
        return self.initial_learning_rate + (self.maximal_learning_rate - self.initial_learning_rate) * height

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "maximal_learning_rate": self.maximal_learning_rate,
            "step_size": self.step_size,
            "scale": self.scale,
            "scale_mode": self.scale_mode,
            "gamma": self.gamma,
            "name": self.name,
        }

    def _scaled(self, unit: Any) -> Any:
        """Compute the factor of the height in a cycle, counted from 1, or at a step."""
        if self.scale == "triangular":
            return ops.ones_like(unit)
        if self.scale == "triangular2":
            return ops.power(0.5, unit - 1)
        return ops.power(self.gamma, unit)
