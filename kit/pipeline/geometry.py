"""Geometric augmentation as one affine transform of each image, so that it is interpolated once."""

from __future__ import annotations

import functools
import math
from typing import Any

from kit.compat import tf
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec

_QUARTERS = (
    ((1.0, 0.0), (0.0, 1.0)),
    ((0.0, -1.0), (1.0, 0.0)),
    ((-1.0, 0.0), (0.0, -1.0)),
    ((0.0, 1.0), (-1.0, 0.0)),
)  # written out, as computed sines of quarter turns are not exact


def move(spec: AugmentSpec, images: Any, draws: Draws) -> Any:
    """Transform images according to `spec`, with bilinear interpolation.

    Flips and quarter turns alone are exact. "reflect" repeats the pixels of the edge. "wrap" joins opposite edges
    without a transition; beyond the distance of one image TensorFlow smears edges instead.

    Args:
        spec: Augmentation with `moves`.
        images: Float32 [batch, height, width, channels] with static height and width.
        draws: Random numbers of the batch.

    Returns:
        Float32 [batch, height, width, channels].
    """
    _, height, width, _ = images.shape
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=draws.own(transforms(spec, height, width, draws)),
        output_shape=[height, width],
        fill_value=spec.fill_value,
        interpolation="BILINEAR",
        fill_mode=spec.fill.upper(),
    )


def transforms(spec: AugmentSpec, height: int, width: int, draws: Draws) -> Any:
    """Draw the transform of each image, from the result's pixels to their origin.

    An image is flipped, turned by quarters, resized, sheared and rotated about its centre, and shifted last, so that
    shifts are shares of the resulting image. The transform is the inverse of these steps.

    Returns:
        Float32 [batch, 8]: a0, a1, a2, b0, b1, b2, 0, 0. The pixel at (x, y) comes from
        (a0 x + a1 y + a2, b0 x + b1 y + b2).
    """
    matrices = functools.reduce(tf.matmul, _way_back(spec, draws))
    centre = tf.constant([(width - 1) / 2, (height - 1) / 2])
    shifts = tf.stack(
        [
            draws.amount("width_shift", spec.width_shift) * width,
            draws.amount("height_shift", spec.height_shift) * height,
        ],
        axis=1,
    )
    offsets = centre - tf.linalg.matvec(matrices, centre + shifts)
    rows = tf.concat([matrices, offsets[:, :, tf.newaxis]], axis=2)
    return tf.pad(tf.reshape(rows, (-1, 6)), [[0, 0], [0, 2]])


def _way_back(spec: AugmentSpec, draws: Draws) -> list[Any]:
    """List the inverses of the steps in reverse order: float32 [batch, 2, 2] each, for (x, y)."""
    size = 1.0 + draws.amount("zoom", spec.zoom)
    widths = size * (1.0 + draws.amount("stretch, width", spec.stretch))
    heights = size * (1.0 + draws.amount("stretch, height", spec.stretch))
    matrices = [_matrices(1.0 / widths, 0.0, 0.0, 1.0 / heights)]
    if spec.shear:
        lean = tf.tan(draws.amount("shear", math.radians(spec.shear)))
        matrices.append(_matrices(tf.ones_like(lean), lean, 0.0, 1.0))
    if spec.rotation:
        angle = draws.amount("rotation", math.radians(spec.rotation))
        matrices.append(_matrices(tf.cos(angle), -tf.sin(angle), tf.sin(angle), tf.cos(angle)))
    if spec.quarter_turns:
        matrices.insert(0, tf.gather(tf.constant(_QUARTERS), draws.integers("quarter_turns", len(_QUARTERS))))
    if spec.horizontal_flip or spec.vertical_flip:
        matrices.insert(0, _flips(spec, draws))
    return matrices


def _flips(spec: AugmentSpec, draws: Draws) -> Any:
    across = draws.chance("horizontal_flip", 0.5 * spec.horizontal_flip)
    down = draws.chance("vertical_flip", 0.5 * spec.vertical_flip)
    return _matrices(tf.where(across, -1.0, 1.0), 0.0, 0.0, tf.where(down, -1.0, 1.0))


def _matrices(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Stack [[a, b], [c, d]] for each image; `a` is float32 [batch], the others that or numbers."""
    entries = tf.stack([tf.broadcast_to(entry, tf.shape(a)) for entry in (a, b, c, d)], axis=1)
    return tf.reshape(entries, (-1, 2, 2))
