"""Adam with a rectified step (Liu et al. 2020) and warm-up: what RectifiedAdam and AdaBelief share."""

from __future__ import annotations

import math
from typing import Any

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import check_betas, ops, scalar_type


class RectifyingOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped here
    """Base of Adam's variants whose first steps are rectified, with an optional warm-up.

    The weight decay is decoupled and multiplied by the learning rate of the step, after warm-up.

    Args:
        learning_rate: Learning rate, or a schedule of Keras.
        beta_1: Share of the mean gradient kept at each step.
        beta_2: Share of the second moment kept at each step.
        epsilon: Number added to the root of the second moment.
        weight_decay: Factor of the weights that is subtracted in each step, times the learning rate; None for none.
        amsgrad: Whether to divide by the largest second moment so far.
        rectify: Whether the step is rectified.
        sma_threshold: Length of the simple moving average below which the step is that of momentum alone.
        total_steps: Number of training steps, for warm-up and decay of the learning rate; 0 for neither.
        warmup_proportion: Share of `total_steps` in which the learning rate rises to `learning_rate`.
        min_lr: Learning rate after `total_steps`.
        kwargs: Arguments of every Keras optimizer, such as clipnorm, use_ema and name.
    """

    def __init__(
        self,
        learning_rate: Any,
        *,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        weight_decay: float | None,
        amsgrad: bool,
        rectify: bool,
        sma_threshold: float,
        total_steps: int,
        warmup_proportion: float,
        min_lr: float,
        **kwargs: Any,
    ) -> None:
        check_betas(beta_1=beta_1, beta_2=beta_2)
        require(total_steps >= 0, f"total_steps must be at least 0, got {total_steps}")
        require(0 <= warmup_proportion <= 1, f"warmup_proportion must be in [0, 1], got {warmup_proportion}")
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay or None, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.rectify = rectify
        self.sma_threshold = sma_threshold
        self.total_steps = total_steps
        self.warmup_proportion = warmup_proportion
        self.min_lr = min_lr

    def build(self, var_list: list[Any]) -> None:
        """Create the moments of each variable."""
        if self.built:
            return
        super().build(var_list)
        self._means, self._moments = self.add_optimizer_variables(var_list, ["mean", "moment"])
        if self.amsgrad:
            self._largest = self.add_optimizer_variables(var_list, "largest_moment")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable and its moments."""
        index = self._get_variable_index(variable)
        mean, moment = self._means[index], self._moments[index]
        gradient = ops.cast(gradient, variable.dtype)
        self.assign(mean, self.beta_1 * mean + (1 - self.beta_1) * gradient)
        self.assign(moment, self.beta_2 * moment + self._second_moment(gradient, mean))
        if self.amsgrad:
            largest = self._largest[index]
            self.assign(largest, ops.maximum(largest, moment))
            moment = largest
        step = self._step(mean, moment, variable)
        if self.weight_decay is not None and self._use_weight_decay(variable):
            step += self.weight_decay * variable
        self.assign_sub(variable, ops.cast(self._warmed(learning_rate, variable), variable.dtype) * step)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        names = ("beta_1", "beta_2", "epsilon", "amsgrad", "rectify", "sma_threshold", "total_steps")
        own = {name: getattr(self, name) for name in (*names, "warmup_proportion", "min_lr")}
        return {**super().get_config(), **own}

    def _apply_weight_decay(self, variables: Any) -> None:
        """Leave the weight decay to `update_step`, which knows the learning rate after warm-up."""

    def _second_moment(self, gradient: Any, mean: Any) -> Any:
        """Compute the part that a gradient adds to the second moment."""
        raise NotImplementedError

    def _step(self, mean: Any, moment: Any, variable: Any) -> Any:
        """Compute the step of a variable, per unit of learning rate."""
        dtype = scalar_type(variable)
        count = ops.cast(self.iterations + 1, dtype)
        corrected = mean / ops.cast(_bias(self.beta_1, count), variable.dtype)
        root = ops.sqrt(moment / ops.cast(_bias(self.beta_2, count), variable.dtype))
        adapted = corrected / (root + self.epsilon)
        if not self.rectify:
            return adapted
        length = self._average_length(count)
        rectified = ops.cast(self._rectification(length), variable.dtype) * adapted
        return ops.where(length >= self.sma_threshold, rectified, corrected)

    @property
    def _longest(self) -> float:
        """Length of the simple moving average after many steps."""
        return 2 / (1 - self.beta_2) - 1

    def _average_length(self, count: Any) -> Any:
        """Compute the length of the simple moving average of as many steps."""
        lost = _bias(self.beta_2, count)
        return self._longest - 2 * count * (1 - lost) / lost

    def _rectification(self, length: Any) -> Any:
        """Compute the factor of the step: 0 up to a length of 4, where the variance does not exist."""
        length = ops.maximum(length, 4.0)
        longest = self._longest
        return ops.sqrt((length - 4) / (longest - 4) * (length - 2) / (longest - 2) * longest / length)

    def _warmed(self, learning_rate: Any, variable: Any) -> Any:
        """Compute the learning rate of the step: it rises linearly to `learning_rate`, then falls to `min_lr`."""
        dtype = scalar_type(variable)
        rate = ops.cast(learning_rate, dtype)
        if not self.total_steps:
            return rate
        count = ops.cast(self.iterations + 1, dtype)
        rising = self.total_steps * self.warmup_proportion
        falling = max(self.total_steps - rising, 1.0)
        fallen = rate + (self.min_lr - rate) / falling * ops.minimum(count - rising, falling)
        return ops.where(count <= rising, rate * count / rising, fallen) if rising else fallen


def _bias(beta: float, count: Any) -> Any:
    """Compute 1 - beta**count; its difference from 1 would lose half of float32's digits in the first steps."""
    return -ops.expm1(count * math.log(beta)) if beta else ops.ones_like(count)
