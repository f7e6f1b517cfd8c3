"""Stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import ops
from kit.optimizers.wrapper import WrappingOptimizer


@keras.utils.register_keras_serializable(package="kit")
class SWA(WrappingOptimizer):
    """The mean of weights along an optimizer's path (Izmailov et al. 2018, arXiv:1803.05407).

    The training itself is not changed. As in TensorFlow Addons 0.23, steps are counted from 0, so that the first
    weights averaged are those after step `start_averaging`, then every `average_period` steps. At the end of `fit`,
    Keras puts the mean in place of the weights, as it does with `use_ema`. The moving statistics of batch
    normalization are not averaged: those of the training remain, which fit the mean only roughly.

    Attributes:
        inner_optimizer: Optimizer that makes the steps.

    Args:
        optimizer: Inner optimizer, or its name in Keras.
        start_averaging: Number of steps before the first that is averaged.
        average_period: Number of steps between the weights that are averaged.
        kwargs: Keras' name.
    """

    def __init__(self, optimizer: Any, start_averaging: int = 0, average_period: int = 10, **kwargs: Any) -> None:
        require(start_averaging >= 0, f"start_averaging must be at least 0, got {start_averaging}")
        require(average_period >= 1, f"average_period must be at least 1, got {average_period}")
        require(not kwargs.get("use_ema"), "SWA keeps an average itself; leave out use_ema")
        super().__init__(optimizer, **kwargs)
        self.start_averaging = start_averaging
        self.average_period = average_period

    def build(self, var_list: list[Any]) -> None:
        """Create the means."""
        if self.built:
            return
        super().build(var_list)
        self._averages = self.add_optimizer_variables(var_list, "average")

    def averages(self) -> list[Any]:
        """Return the means in the order of the trainable variables; until averaging begins, these themselves."""
        has_begun = int(ops.copy(self.iterations)) > self.start_averaging
        return list(self._averages if has_begun else self._trainable_variables)

    def finalize_variable_values(self, var_list: list[Any]) -> None:
        """Put the means in place of the weights, as Keras does at the end of `fit`."""
        for weights, average in zip(var_list, self.averages(), strict=True):
            weights.assign(average)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, with the inner optimizer's."""
        own = {"start_averaging": self.start_averaging, "average_period": self.average_period}
        return {**super().get_config(), **own}

    def _after_step(self, steps: Any, is_done: Any) -> None:
        after = steps - self.start_averaging
        is_due = ops.logical_and(after >= 0, ops.equal(after % self.average_period, 0))
        ops.cond(ops.logical_and(is_done, is_due), lambda: self._add(after // self.average_period), lambda: None)

    def _add(self, count: Any) -> None:
        """Add the weights to the mean of `count` earlier ones."""
        for average, weights in self._with_weights(self._averages):
            before = ops.cast(count, average.dtype)
            average.assign((average * before + weights) / (before + 1))
