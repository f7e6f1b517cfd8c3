"""Lookahead (Zhang et al. 2019, arXiv:1907.08610)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import ops
from kit.optimizers.wrapper import WrappingOptimizer


@keras.utils.register_keras_serializable(package="kit")
class Lookahead(WrappingOptimizer):
    """Slow weights that follow an optimizer's fast ones (Zhang et al. 2019, arXiv:1907.08610).

    After every `sync_period` steps, the slow weights move a part of the way to the fast ones, which go on from there.
    As in TensorFlow Addons 0.23: the slow weights begin with the weights before the first step, and the moments of the
    inner optimizer are kept at a synchronization.

    Attributes:
        inner_optimizer: Optimizer that makes the steps.

    Args:
        optimizer: Inner optimizer, or its name in Keras.
        sync_period: Number of steps between synchronizations.
        slow_step_size: Part of the way that the slow weights move.
        kwargs: Keras' use_ema, ema_momentum, ema_overwrite_frequency and name.
    """

    def __init__(self, optimizer: Any, sync_period: int = 6, slow_step_size: float = 0.5, **kwargs: Any) -> None:
        require(sync_period >= 1, f"sync_period must be at least 1, got {sync_period}")
        super().__init__(optimizer, **kwargs)
        self.sync_period = sync_period
        self.slow_step_size = slow_step_size

    def build(self, var_list: list[Any]) -> None:
        """Create the slow weights."""
        if self.built:
            return
        super().build(var_list)
        self._slow_weights = self.add_optimizer_variables(var_list, "slow")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, with the inner optimizer's."""
        return {**super().get_config(), "sync_period": self.sync_period, "slow_step_size": self.slow_step_size}

    def _before_step(self, steps: Any) -> None:
        # Not when the variables are created: the weights may be loaded later.
        ops.cond(ops.equal(steps, 0), self._begin, lambda: None)

    def _after_step(self, steps: Any, is_done: Any) -> None:
        is_due = ops.equal((steps + 1) % self.sync_period, 0)
        ops.cond(ops.logical_and(is_done, is_due), self._synchronize, lambda: None)

    def _begin(self) -> None:
        for slow, weights in self._with_weights(self._slow_weights):
            slow.assign(weights)

    def _synchronize(self) -> None:
        for slow, weights in self._with_weights(self._slow_weights):
            slow.assign(slow + self.slow_step_size * (weights - slow))
            weights.assign(slow)
