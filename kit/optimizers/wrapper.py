"""Optimizers around an optimizer: what Lookahead and SWA share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from kit.compat import keras
from kit.errors import require
from kit.optimizers.scalars import ops

_OWN = frozenset({"use_ema", "ema_momentum", "ema_overwrite_frequency", "name"})


class WrappingOptimizer(keras.optimizers.Optimizer):  # type: ignore[misc]  # Keras is untyped here
    """Base of optimizers that let another one make the step and then change or average the weights.

    The learning rate, weight decay, clipping, accumulation of gradients and loss scale are those of the inner
    optimizer. A moving average (`use_ema`) is kept here, of the weights after this optimizer's change.

    Attributes:
        inner_optimizer: Optimizer that makes the steps.

    Args:
        optimizer: Inner optimizer, or its name in Keras.
        kwargs: Keras' use_ema, ema_momentum, ema_overwrite_frequency and name.
    """

    def __init__(self, optimizer: Any, **kwargs: Any) -> None:
        for name, value in kwargs.items():
            require(
                name in _OWN or value is None,
                f"{name}={value} belongs to the inner optimizer of {type(self).__name__}; give it there",
            )
        inner = keras.optimizers.get(optimizer)
        own = {name: value for name, value in kwargs.items() if name in _OWN}
        super().__init__(learning_rate=lambda: inner.learning_rate, **own)
        self.inner_optimizer = inner

    def build(self, var_list: list[Any]) -> None:
        """Create the variables of the inner optimizer; subclasses add their own."""
        self.inner_optimizer.build(var_list)
        super().build(var_list)

    @property
    def variables(self) -> list[Any]:
        """Variables, those of the inner optimizer last."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self) -> Any:
        """Number of steps of the inner optimizer."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def averages(self) -> list[Any] | None:
        """Return the averages that are kept, here or by an inner optimizer, in the order of the trainable variables.

        Returns:
            Variables that average the weights; None if no averages are kept.
        """
        if self.use_ema:
            return list(self._model_variables_moving_average)
        inner = self.inner_optimizer
        if hasattr(inner, "averages"):
            return inner.averages()  # type: ignore[no-any-return]
        return list(inner._model_variables_moving_average) if inner.use_ema else None  # noqa: SLF001 (as SwapEMAWeights)

    def scale_loss(self, loss: Any) -> Any:
        """Scale the loss by the factor of the inner optimizer, which scales its gradients back."""
        return self.inner_optimizer.scale_loss(loss)

    def save_own_variables(self, store: Any) -> None:
        """Save the variables that are not the inner optimizer's: Keras saves those beside them."""
        for index, variable in enumerate(self._variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Load the variables that are not the inner optimizer's.

        Raises:
            ValueError: The file is of another optimizer or another model.
        """
        if len(store.keys()) != len(self._variables):
            message = f"{self.name} has {len(self._variables)} variables of its own, the file {len(store.keys())}"
            raise ValueError(message)
        for index, variable in enumerate(self._variables):
            variable.assign(store[str(index)])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, with the inner optimizer's."""
        inner = keras.utils.serialize_keras_object(self.inner_optimizer)
        return {"optimizer": inner, **{name: getattr(self, name) for name in sorted(_OWN)}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Self:
        """Make the optimizer of a configuration."""
        inner = keras.utils.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        return cls(**{**config, "optimizer": inner})

    def _backend_apply_gradients(self, grads: list[Any], trainable_variables: list[Any]) -> None:
        """Let the inner optimizer make its step, then change or average the weights."""
        inner = self.inner_optimizer
        steps = ops.copy(inner.iterations)  # a variable, which the step changes
        self._before_step(steps)
        inner.apply(grads, trainable_variables)
        # Accumulated gradients and overflows of a scaled loss make no step.
        is_done = ops.greater(inner.iterations, steps)
        self._after_step(steps, is_done)
        if self.use_ema:
            ops.cond(is_done, lambda: self._average(steps), lambda: None)
        if self.use_ema and self.ema_overwrite_frequency:
            is_due = ops.equal((steps + 1) % self.ema_overwrite_frequency, 0)
            ops.cond(ops.logical_and(is_done, is_due), self._overwrite, lambda: None)

    def _before_step(self, steps: Any) -> None:
        """Act before a step.

        Args:
            steps: Number of steps before it.
        """

    def _after_step(self, steps: Any, is_done: Any) -> None:
        """Act after a step.

        Args:
            steps: Number of steps before it.
            is_done: Whether a step was made.
        """
        raise NotImplementedError

    def _with_weights(self, own: list[Any]) -> Iterator[tuple[Any, Any]]:
        """Pair own variables with the weights that they belong to."""
        for variable, weights in zip(own, self._trainable_variables, strict=True):
            if variable is not None:  # Keras keeps none for the scales of 8-bit layers
                yield variable, weights

    def _average(self, steps: Any) -> None:
        """Update the moving average, which begins with the weights after the first step, as Keras' do."""
        kept = ops.where(ops.equal(steps, 0), 0.0, self.ema_momentum)
        for average, weights in self._with_weights(self._model_variables_moving_average):
            share = ops.cast(kept, average.dtype)
            average.assign(share * average + (1 - share) * weights)

    def _overwrite(self) -> None:
        """Put the moving average in place of the weights."""
        for average, weights in self._with_weights(self._model_variables_moving_average):
            weights.assign(average)
