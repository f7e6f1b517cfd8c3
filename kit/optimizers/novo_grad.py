"""NovoGrad (Ginsburg et al. 2019, arXiv:1905.11286)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import check_betas, ops


@keras.utils.register_keras_serializable(package="kit")
class NovoGrad(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped here
    """Momentum of gradients that are normalized by layer (Ginsburg et al. 2019, arXiv:1905.11286).

    As in TensorFlow Addons 0.23: the second moment is one number per variable, which begins with the first gradient's;
    the learning rate is part of the momentum; the weight decay is added to the normalized gradient, before momentum;
    `grad_averaging` leaves the first gradient whole.

    Args:
        learning_rate: Learning rate, or a schedule of Keras.
        beta_1: Share of the momentum kept at each step.
        beta_2: Share of the second moment kept at each step.
        epsilon: Number added to the root of the second moment.
        weight_decay: Factor of the weights that is added to the normalized gradient; None for none.
        grad_averaging: Whether gradients after the first are multiplied by 1 - beta_1, as in Adam.
        amsgrad: Whether to divide by the largest second moment so far.
        kwargs: Arguments of every Keras optimizer, such as clipnorm, use_ema and name.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        grad_averaging: bool = False,
        amsgrad: bool = False,
        **kwargs: Any,
    ) -> None:
        check_betas(beta_1=beta_1, beta_2=beta_2)
        require((weight_decay or 0) >= 0, f"weight_decay must be at least 0, got {weight_decay}")
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay or None, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.grad_averaging = grad_averaging
        self.amsgrad = amsgrad

    def build(self, var_list: list[Any]) -> None:
        """Create the momentum of each variable, and its second moment: one number."""
        if self.built:
            return
        super().build(var_list)
        self._momenta = self.add_optimizer_variables(var_list, "momentum")
        self._moments = self._numbers(var_list, "moment")
        if self.amsgrad:
            self._largest = self._numbers(var_list, "largest_moment")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable, its momentum and its second moment."""
        index = self._get_variable_index(variable)
        momentum = self._momenta[index]
        is_first = ops.equal(self.iterations, 0)
        gradient = ops.cast(gradient, variable.dtype)
        gradient /= ops.sqrt(self._moment(gradient, index, is_first)) + self.epsilon
        if self.weight_decay is not None and self._use_weight_decay(variable):
            gradient += self.weight_decay * variable
        if self.grad_averaging:
            gradient *= ops.cast(ops.where(is_first, 1.0, 1 - self.beta_1), variable.dtype)
        self.assign(momentum, self.beta_1 * momentum - ops.cast(learning_rate, variable.dtype) * gradient)
        self.assign_add(variable, momentum)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "grad_averaging": self.grad_averaging,
            "amsgrad": self.amsgrad,
        }

    def _apply_weight_decay(self, variables: Any) -> None:
        """Leave the weight decay to `update_step`: it goes through the momentum."""

    def _numbers(self, variables: list[Any], name: str) -> list[Any]:
        """Create one number for each variable."""
        return [self.add_variable((), dtype=variable.dtype, name=name) for variable in variables]

    def _moment(self, gradient: Any, index: int, is_first: Any) -> Any:
        """Update the second moment of a variable, and return the one to divide by."""
        moment = self._moments[index]
        squares = ops.sum(ops.square(gradient))
        mixed = self.beta_2 * moment + (1 - self.beta_2) * squares
        self.assign(moment, ops.where(is_first, squares, mixed))
        if not self.amsgrad:
            return moment
        largest = self._largest[index]
        self.assign(largest, ops.maximum(largest, moment))
        return largest
