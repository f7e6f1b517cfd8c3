"""Images and labels of a batch mixed with each other: MixUp and CutMix."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.pipeline.random_erasing import rectangles
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec


def mix(spec: AugmentSpec, images: Any, labels: Any, draws: Draws) -> tuple[Any, Any]:
    """Mix each image of a batch, and its label, with another one's; with MixUp and CutMix both, one of them a batch.

    Args:
        spec: Augmentation with `mixes`.
        images: Float32 [batch, height, width, channels], height and width known.
        labels: Float32 [batch], or [batch, classes].
        draws: Random numbers of the batch.

    Returns:
        Images and labels, as they were given.
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
    """Cover a rectangle of the image's own shape; part of it may lie outside, as in the paper."""
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
    """First pixel, and the one after the last, of a share `side` of `length` pixels: int32 [batch] both."""
    pixels = tf.cast(tf.round(side * length), tf.int32)
    first = centre - pixels // 2
    return tf.maximum(first, 0), tf.minimum(first + pixels, length)


def _blend(values: Any, partners: Any, kept: Any) -> Any:
    """Keep a share of each value and take the rest from its partner."""
    kept = tf.reshape(kept, (-1, *[1] * (len(values.shape) - 1)))
    return kept * values + (1.0 - kept) * tf.gather(values, partners)
