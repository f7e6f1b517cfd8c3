"""Batch normalization by TensorFlow's fused operation."""

from __future__ import annotations

from typing import Any

from kit.compat import keras, tf

_IMAGES = 4  # dimensions: [batch, height, width, channels]


class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]  # Keras is untyped here
    """Keras' layer with one operation in place of Keras 3's dozen: half the time for a network of small convolutions.

    Its name, weights and statistics are those of Keras' layer, so weights are interchangeable. The moving variance
    averages the batches' biased variances, as in Keras 3; Keras 2 averages unbiased ones. Statistics over several
    replicas, and inputs other than images, are left to Keras.

    On CPUs both sum in float32, in different orders, and the relative rounding error of the variance grows with the
    number of values a channel: for 8 channels at 64x224x224 it is 4.7e-3 at most, and 2.6e-3 in Keras; at 64x96x96
    1.3e-3 and 5.6e-4; for two or three channels both have up to 5e-3. The error comes from the long sum: the operation
    subtracts the mean before it squares, so shifting the inputs by a pivot of each channel does not reduce it (4.5e-3),
    and takes 1.3 to 2 times as long.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize by the batch's statistics in training, else by the moving statistics."""
        if self.synchronized or len(inputs.shape) != _IMAGES:
            return super().call(inputs, training=training, mask=mask)
        if not (training and self.trainable):
            moving = {
                "mean": tf.convert_to_tensor(self.moving_mean),
                "variance": tf.convert_to_tensor(self.moving_variance),
            }
            return self._fused(inputs, is_training=False, **moving)[0]
        outputs, mean, population = self._fused(inputs, is_training=True)
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], population.dtype)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, population * (count - 1) / count)
        return outputs

    def _fused(self, inputs: Any, **statistics: Any) -> Any:
        return tf.compat.v1.nn.fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon, **statistics)

    def _move(self, average: Any, value: Any) -> None:
        average.assign(average * self.momentum + value * (1.0 - self.momentum))
