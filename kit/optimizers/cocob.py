"""COCOB (Orabona & Tommasi 2017, arXiv:1705.07795)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import ops

_FIRST_SCALE = 1e-8  # largest gradient before the first step, as in the paper and in TensorFlow Addons


@keras.utils.register_keras_serializable(package="kit")
class COCOB(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped here
    """Continuous coin betting, which needs no learning rate (Orabona & Tommasi 2017, arXiv:1705.07795).

    As in TensorFlow Addons 0.23. There is no learning rate to set: Keras' attribute `learning_rate` stays 1, which is
    also the factor of the base class' weight decay, and callbacks that change it are without effect on the bets.

    Args:
        alpha: Factor of the largest gradient so far, which limits the first steps; at least 1.
        kwargs: Arguments of every Keras optimizer but learning_rate, such as weight_decay, clipnorm, use_ema and name.
    """

    def __init__(self, alpha: float = 100.0, **kwargs: Any) -> None:
        require(alpha >= 1, f"alpha must be at least 1, got {alpha}")
        require("learning_rate" not in kwargs, "COCOB takes no learning_rate: it finds its steps itself")
        super().__init__(learning_rate=1.0, **kwargs)
        self.alpha = alpha

    def build(self, var_list: list[Any]) -> None:
        """Create the sums, the reward and the bet of each variable."""
        if self.built:
            return
        super().build(var_list)
        first = keras.initializers.Constant(_FIRST_SCALE)
        self._scales = self.add_optimizer_variables(var_list, "scale", first)
        self._gradients, self._magnitudes, self._bets, self._rewards = self.add_optimizer_variables(
            var_list, ["gradients", "magnitudes", "bet", "reward"], "zeros"
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Settle the last bet of one variable and place the next."""
        del learning_rate
        index = self._get_variable_index(variable)
        scale, bet, reward = self._scales[index], self._bets[index], self._rewards[index]
        gradients, magnitudes = self._gradients[index], self._magnitudes[index]
        gradient = ops.cast(gradient, variable.dtype)
        self.assign(scale, ops.maximum(scale, ops.abs(gradient)))
        self.assign_add(gradients, gradient)
        self.assign_add(magnitudes, ops.abs(gradient))
        self.assign(reward, ops.relu(reward - gradient * bet))
        limit = ops.maximum(magnitudes + scale, self.alpha * scale)
        placed = -gradients / (scale * limit) * (reward + scale)
        self.assign(variable, variable - bet + placed)
        self.assign(bet, placed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        del config["learning_rate"]  # always 1
        return {**config, "alpha": self.alpha}
