"""Yogi (Zaheer et al. 2018)."""

from __future__ import annotations

from typing import Any, Literal

from kit.compat import keras
from kit.errors import require, unknown
from kit.optimizers.scalars import check_betas, ops, scalar_type


@keras.utils.register_keras_serializable(package="kit")
class Yogi(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped here
    """Adam whose second moment moves by steps of the squared gradient (Zaheer et al. 2018, NeurIPS 31).

    As in TensorFlow Addons 0.23, where beta_1 and beta_2 are called beta1 and beta2: the second moment begins at
    `initial_accumulator_value` although it is corrected as if it began at 0.

    Args:
        learning_rate: Learning rate, or a schedule of Keras.
        beta_1: Share of the mean gradient kept at each step.
        beta_2: Share of the second moment kept at each step.
        epsilon: Number added to the root of the second moment.
        l1_regularization_strength: Factor of the weights' absolute values in the loss, as a proximal step.
        l2_regularization_strength: Factor of half the squared weights in the loss, as a proximal step.
        initial_accumulator_value: Second moment before the first step.
        activation: Direction of the second moment: "sign", or "tanh" for a soft one.
        kwargs: Arguments of every Keras optimizer, such as weight_decay, clipnorm, use_ema and name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-3,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        initial_accumulator_value: float = 1e-6,
        activation: Literal["sign", "tanh"] = "sign",
        **kwargs: Any,
    ) -> None:
        check_betas(beta_1=beta_1, beta_2=beta_2)
        require(activation in _ACTIVATIONS, unknown("activation", activation, _ACTIVATIONS))
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.initial_accumulator_value = initial_accumulator_value
        self.activation = activation

    def build(self, var_list: list[Any]) -> None:
        """Create the moments of each variable."""
        if self.built:
            return
        super().build(var_list)
        initial = keras.initializers.Constant(self.initial_accumulator_value)
        self._means, self._moments = self.add_optimizer_variables(var_list, ["mean", "moment"], ["zeros", initial])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable and its moments."""
        index = self._get_variable_index(variable)
        mean, moment = self._means[index], self._moments[index]
        gradient = ops.cast(gradient, variable.dtype)
        squared = ops.square(gradient)
        self.assign(mean, self.beta_1 * mean + (1 - self.beta_1) * gradient)
        self.assign_add(moment, (1 - self.beta_2) * _ACTIVATIONS[self.activation](squared - moment) * squared)
        rates = self._corrected(learning_rate, variable) / (ops.sqrt(moment) + self.epsilon)
        self.assign(variable, self._proximal(variable - rates * mean, rates))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "initial_accumulator_value": self.initial_accumulator_value,
            "activation": self.activation,
        }

    def _corrected(self, learning_rate: Any, variable: Any) -> Any:
        """Correct the learning rate for the moments' beginning, as Adam does."""
        dtype = scalar_type(variable)
        count = ops.cast(self.iterations + 1, dtype)
        unbiased = ops.sqrt(1 - ops.power(ops.cast(self.beta_2, dtype), count))
        unbiased /= 1 - ops.power(ops.cast(self.beta_1, dtype), count)
        return ops.cast(ops.cast(learning_rate, dtype) * unbiased, variable.dtype)

    def _proximal(self, weights: Any, rates: Any) -> Any:
        """Shrink weights by the proximal operator of the regularization."""
        shrunk = 1 + self.l2_regularization_strength * rates
        if self.l1_regularization_strength > 0:
            weights = ops.sign(weights) * ops.relu(ops.abs(weights) - self.l1_regularization_strength * rates)
        return weights / shrunk if self.l1_regularization_strength or self.l2_regularization_strength else weights


_ACTIVATIONS = {"sign": ops.sign, "tanh": lambda difference: ops.tanh(10 * difference)}
