"""AdaBelief (Zhuang et al. 2020, arXiv:2010.07468)."""

from __future__ import annotations

from typing import Any

from kit.compat import keras
from kit.optimizers.rectifying import RectifyingOptimizer
from kit.optimizers.scalars import ops


@keras.utils.register_keras_serializable(package="kit")
class AdaBelief(RectifyingOptimizer):
    """Adam that divides by the gradients' deviation from their mean (Zhuang et al. 2020, arXiv:2010.07468).

    As in TensorFlow Addons 0.23: `epsilon` is added twice, to the second moment in every step and to its corrected
    root, and the step is rectified by default.

    Args:
        learning_rate: Learning rate, or a schedule of Keras.
        beta_1: Share of the mean gradient kept at each step.
        beta_2: Share of the mean squared deviation kept at each step.
        epsilon: Number added to the mean squared deviation and to its root.
        weight_decay: Factor of the weights that is subtracted in each step, times the learning rate; None for none.
        amsgrad: Whether to divide by the largest mean squared deviation so far.
        rectify: Whether the first steps are rectified, as in RectifiedAdam.
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
        epsilon: float = 1e-14,
        weight_decay: float | None = None,
        amsgrad: bool = False,
        rectify: bool = True,
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
            rectify=rectify,
            sma_threshold=sma_threshold,
            total_steps=total_steps,
            warmup_proportion=warmup_proportion,
            min_lr=min_lr,
            **kwargs,
        )

    def _second_moment(self, gradient: Any, mean: Any) -> Any:
        return (1 - self.beta_2) * ops.square(gradient - mean) + self.epsilon
