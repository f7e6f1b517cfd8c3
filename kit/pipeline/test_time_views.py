"""Test-time augmentation: views of a batch whose predictions are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kit.compat import tf
from kit.pipeline.augmentation import augment_batch
from kit.pipeline.random_numbers import folded
from kit.specs import AugmentSpec
from kit.specs.views import D4, Views

_SEED = (0, 0)  # fixed, so that equal weights give equal predictions


def batch_views(images: Any, views: Views, augment: AugmentSpec, number: int) -> Iterator[Any]:
    """Yield the views of a batch one by one, so that each needs no more memory than the batch.

    The first is the batch itself. "flips" are the four combinations of horizontal and vertical flips, "d4" the eight
    views of a square (the dihedral group); both are exact, without interpolation. For a number, the others are draws
    from `augment` for each image and view, without mixing, as there is no label.

    Args:
        images: Float32 [batch, height, width, channels] in 0 to 1; `views.refuse` has accepted their shape.
        views: Views of each image.
        augment: Augmentation that the run was trained with.
        number: Index of the batch in its split, for random numbers of its own.

    Yields:
        Float32 [batch, height, width, channels], `views.count` times.
    """
    if not views.name:
        yield images
        yield from _drawn(images, views.count - 1, augment.alone, number)
        return
    turned = (images, tf.transpose(images, [0, 2, 1, 3])) if views.name == D4 else (images,)
    for upright in turned:
        for axes in ([], [2], [1], [1, 2]):
            yield tf.reverse(upright, axes)


def _drawn(images: Any, count: int, augment: AugmentSpec, number: int) -> Iterator[Any]:
    start = folded(tf.constant(_SEED, tf.int64), "views", number)
    labels = tf.zeros(tf.shape(images)[:1])
    for view in range(count):
        yield augment_batch(augment, images, labels, folded(start, view))[0]
