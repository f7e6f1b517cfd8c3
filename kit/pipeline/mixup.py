"""MixUp and CutMix: mixing of images and labels within a batch."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.pipeline.random_erasing import rectangles
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec


def mix(spec: AugmentSpec, images: Any, labels: Any, draws: Draws) -> tuple[Any, Any]:
    """Mix each image and label of a batch with those of another image; by MixUp or CutMix in turn if both are on.

    Args:
        spec: Augmentation with `mixes`.
        images: Float32 [batch, height, width, channels] with static height and width.
        labels: Float32 [batch], or [batch, classes].
        draws: Random numbers of the batch.

    Returns:
        Images and labels of the same shapes and dtypes.
    """
    if not spec.cutmix:
        return _mix_up(spec, images, labels, draws)
    if not spec.mixup:
        return _cut_mix(spec, images, labels, draws)
    mixed: tuple[Any, Any] = tf.cond(
        draws.coin("mixture"),
        lambda: _mix_up(spec, images, labels, draws),
        lambda: _cut_mix(spec, images, labels, draws),
    )
    return mixed


def _mix_up(spec: AugmentSpec, images: Any, labels: Any, draws: Draws) -> tuple[Any, Any]:
    kept = draws.beta("mixup", spec.mixup)
    partners = draws.order("partners")
    return _blend(images, partners, kept), _blend(labels, partners, kept)


def _cut_mix(spec: AugmentSpec, images: Any, labels: Any, draws: Draws) -> tuple[Any, Any]:
    """Paste a rectangle with the image's aspect ratio; part of it may be outside, as in the paper."""
    _, height, width, _ = images.shape
    side = tf.sqrt(1.0 - draws.beta("cutmix", spec.cutmix))  # share of height and width
    rows = _span(draws.integers("cutmix, row", height), side, height)
    columns = _span(draws.integers("cutmix, column", width), side, width)
    partners = draws.order("partners")
    covered = (rows[1] - rows[0]) * (columns[1] - columns[0])
    kept = tf.cast(height * width - covered, tf.float32) / (height * width)
    inside = rectangles(rows, columns, height, width)
    return tf.where(inside, tf.gather(images, partners), images), _blend(labels, partners, kept)


def _span(centre: Any, side: Any, length: int) -> tuple[Any, Any]:
    """Compute the first pixel, and the one after the last, of a share `side` of `length` pixels: int32 [batch] both."""
    pixels = tf.cast(tf.round(side * length), tf.int32)
    first = centre - pixels // 2
    return tf.maximum(first, 0), tf.minimum(first + pixels, length)


def _blend(values: Any, partners: Any, kept: Any) -> Any:
    """Average each value and its partner's, weighted by the share kept."""
    kept = tf.reshape(kept, (-1, *[1] * (len(values.shape) - 1)))
    return kept * values + (1.0 - kept) * tf.gather(values, partners)
