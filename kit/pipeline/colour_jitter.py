"""Colour jitter: brightness, contrast, saturation and hue as one linear map of each image's colours."""

from __future__ import annotations

import math
from typing import Any

from kit.compat import tf
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec

RGB = 3
_LUMA = (0.299, 0.587, 0.114)  # luma of red, green and blue: ITU-R BT.601, as in every grey conversion of kit


def recolour(spec: AugmentSpec, images: Any, draws: Draws) -> Any:
    """Change colours according to `spec`, and clip to 0 to 1 once, at the end.

    Contrast is about the mean of each channel. Saturation and hue do not change grey images.

    Args:
        spec: Augmentation with `recolours` for these channels.
        images: Float32 [batch, height, width, 1 or 3] in 0 to 1.
        draws: Random numbers of the batch.

    Returns:
        Float32, in the shape of `images`.
    """
    _, height, width, channels = images.shape
    pixels = tf.reshape(images, (-1, height * width, channels))
    gain = 1.0 + draws.own(draws.amount("contrast", spec.contrast))[:, tf.newaxis, tf.newaxis]
    offset = draws.own(draws.amount("brightness", spec.brightness))[:, tf.newaxis, tf.newaxis]
    if spec.contrast:
        offset += (1.0 - gain) * tf.reduce_mean(pixels, axis=1, keepdims=True)
    if channels == RGB and (spec.saturation or spec.hue):
        saturation, hue = draws.amount("saturation", spec.saturation), draws.amount("hue", spec.hue)
        matrices = draws.own(colour_matrices(1.0 + saturation, hue))
        changed = tf.matmul(pixels, gain * matrices) + tf.matmul(
            tf.broadcast_to(offset, tf.shape(pixels[:, :1])), matrices
        )
    else:
        changed = pixels * gain + offset
    return tf.reshape(tf.clip_by_value(changed, 0.0, 1.0), (-1, height, width, channels))


def colour_matrices(saturation: Any, hue: Any) -> Any:
    """Compute matrices for rows of red, green and blue; grey is unchanged.

    Hue is rotated about the axis of greys, which maps red to green to blue by thirds and keeps their sum.

    Args:
        saturation: Factor of differences from grey, float32 [batch].
        hue: Share of the colour circle, float32 [batch].

    Returns:
        Float32 [batch, 3, 3].
    """
    saturation, angle = saturation[:, tf.newaxis, tf.newaxis], 2.0 * math.pi * hue[:, tf.newaxis, tf.newaxis]
    same = tf.eye(RGB)
    to_grey = tf.tile(tf.constant(_LUMA)[:, tf.newaxis], (1, RGB))
    mean = tf.fill((RGB, RGB), 1.0 / RGB)
    across = tf.constant([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]) / math.sqrt(RGB)
    saturated = saturation * same + (1.0 - saturation) * to_grey
    turned = tf.cos(angle) * same + (1.0 - tf.cos(angle)) * mean + tf.sin(angle) * across
    return tf.matmul(saturated, turned)
