"""RectifiedAdam (Liu et al. 2020, arXiv:1908.03265)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.optimizers.rectifying import RectifyingOptimizer
from kit.optimizers.scalars import ops


@keras.utils.register_keras_serializable(package="kit")
class RectifiedAdam(RectifyingOptimizer):
    """Adam whose first steps are rectified (Liu et al. 2020, arXiv:1908.03265), with an optional warm-up.

    As in TensorFlow Addons 0.23: `epsilon` is added to the corrected root of the second moment, the largest moment of
    `amsgrad` is kept before its correction, and the weight decay is multiplied by the learning rate after warm-up.

    Args:
        learning_rate: Learning rate, or a schedule of Keras.
        beta_1: Share of the mean gradient kept at each step.
        beta_2: Share of the mean squared gradient kept at each step.
        epsilon: Number added to the root of the mean squared gradient.
        weight_decay: Factor of the weights that is subtracted in each step, times the learning rate; None for none.
        amsgrad: Whether to divide by the largest mean squared gradient so far.
        sma_threshold: Length of the simple moving average below which the step is that of momentum alone.
        total_steps: Number of training steps, for warm-up and decay of the learning rate; 0 for neither.
        warmup_proportion: Share of `total_steps` in which the learning rate rises to `learning_rate`.
        min_lr: Learning rate after `total_steps`.
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
        amsgrad: bool = False,
        sma_threshold: float = 5.0,
        total_steps: int = 0,
        warmup_proportion: float = 0.1,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            rectify=True,
            sma_threshold=sma_threshold,
            total_steps=total_steps,
            warmup_proportion=warmup_proportion,
            min_lr=min_lr,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        del config["rectify"]  # always
        return config

    def _second_moment(self, gradient: Any, mean: Any) -> Any:
        del mean
        return (1 - self.beta_2) * ops.square(gradient)
