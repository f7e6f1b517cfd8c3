"""Augmentation of batches of training images."""

from __future__ import annotations

from typing import Any

from kit.pipeline.colour_jitter import recolour
from kit.pipeline.geometry import move
from kit.pipeline.mixup import mix
from kit.pipeline.random_erasing import erase
from kit.pipeline.random_numbers import WHOLE, BatchShare, Draws
from kit.specs import AugmentSpec


def augment_batch(spec: AugmentSpec, images: Any, labels: Any, seed: Any, share: BatchShare = WHOLE) -> tuple[Any, Any]:
    """Augment a batch with random numbers that depend on `seed` alone and differ from image to image.

    The order is geometry, colours, erasing, and last mixing of the augmented images. Settings of zero add no operation.

    Args:
        spec: Augmentation; `spec.check_shape` has accepted the images.
        images: Float32 [batch, height, width, 1 or 3] in 0 to 1, with a static shape except for the batch.
        labels: Float32 [batch] for two classes, or one-hot [batch, classes] for more.
        seed: Int64 [2], as for stateless operations.
        share: Share of the batch that the images are, see `Draws`; of a whole one where `spec.mixes`.

    Returns:
        Images and labels of the same shapes and dtypes; mixed images have mixed labels.
    """
    draws = Draws(seed, images, share)
    if spec.moves:
        images = move(spec, images, draws)
    if spec.recolours(images.shape[-1]):
        images = recolour(spec, images, draws)
    if spec.erasing:
        images = erase(spec, images, draws)
    return mix(spec, images, labels, draws) if spec.mixes else (images, labels)
