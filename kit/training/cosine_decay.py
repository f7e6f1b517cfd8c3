"""A learning rate that falls along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

from __future__ import annotations

import math
from typing import Any

from kit.compat import keras, quotient, tf


@keras.utils.register_keras_serializable(package="kit")
class CosineDecay(keras.optimizers.schedules.CosineDecay):  # type: ignore[misc]  # Keras is untyped here
    """Keras' schedule, whose rates are the same to the last bit on one machine and on several.

    Its arguments are those of Keras' class.
    """

    def __call__(self, step: Any) -> Any:
        """Compute the learning rate of a step, counted from 0."""
        step = tf.cast(step, tf.float32)
        highest = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        rising = quotient(step, self.warmup_steps) * (highest - self.initial_learning_rate) + self.initial_learning_rate
        passed = quotient(tf.minimum(step - self.warmup_steps, self.decay_steps), self.decay_steps)
        share = (1 - self.alpha) * (0.5 * (1 + tf.cos(math.pi * passed))) + self.alpha
        return tf.where(step < self.warmup_steps, rising, highest * share)
