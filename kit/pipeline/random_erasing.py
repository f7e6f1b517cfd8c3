"""Random erasing, and masks of rectangles, which CutMix uses too."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec

_ASPECT = 0.3  # height over width, and its inverse: Zhong et al. 2020


def erase(spec: AugmentSpec, images: Any, draws: Draws) -> Any:
    """Fill a rectangle of some images with `spec.fill_value`.

    Area and aspect ratio are drawn such that the rectangle fits, while the paper draws again until one does; on an
    image too elongated for the area in any of the paper's aspect ratios, it is as high or as wide as the image.

    Args:
        spec: Augmentation with `erasing`.
        images: Float32 [batch, height, width, channels] with static height and width.
        draws: Random numbers of the batch.

    Returns:
        Float32, in the shape of `images`.
    """
    _, height, width, _ = images.shape
    area = draws.uniform("erasing, area", *spec.erasing_area)
    lowest, highest = area * height / width, height / width / area
    low, high = (tf.math.log(tf.minimum(tf.maximum(aspect, lowest), highest)) for aspect in (_ASPECT, 1.0 / _ASPECT))
    aspect = tf.exp(low + draws.uniform("erasing, aspect") * (high - low))
    rows = _rounded(tf.sqrt(area * height * width * aspect), height)
    columns = _rounded(tf.sqrt(area * height * width / aspect), width)
    top = _place("erasing, top", height - rows, draws)
    left = _place("erasing, left", width - columns, draws)
    top, rows, left, columns = (draws.own(values) for values in (top, rows, left, columns))
    inside = rectangles((top, top + rows), (left, left + columns), height, width)
    chosen = draws.own(draws.chance("erasing", spec.erasing))[:, tf.newaxis, tf.newaxis, tf.newaxis]
    return tf.where(inside & chosen, spec.fill_value, images)


def rectangles(rows: tuple[Any, Any], columns: tuple[Any, Any], height: int, width: int) -> Any:
    """Make masks of rectangles from their first rows and columns to those after their last: int32 [batch] each.

    Returns:
        Bool [batch, height, width, 1].
    """
    down = _between(*rows, height)[:, :, tf.newaxis, tf.newaxis]
    return down & _between(*columns, width)[:, tf.newaxis, :, tf.newaxis]


def _between(first: Any, last: Any, count: int) -> Any:
    indices = tf.range(count)
    return (indices >= first[:, tf.newaxis]) & (indices < last[:, tf.newaxis])


def _rounded(side: Any, most: int) -> Any:
    return tf.clip_by_value(tf.cast(tf.round(side), tf.int32), 1, most)


def _place(purpose: str, room: Any, draws: Draws) -> Any:
    """Draw a whole number from 0 to `room`, int32 [batch]."""
    indices = tf.cast(draws.uniform(purpose) * tf.cast(room + 1, tf.float32), tf.int32)
    return tf.minimum(indices, room)  # a product just below room + 1 may be rounded up to it
