"""Training images, varied anew in each epoch, by the batch."""

from __future__ import annotations

from typing import Any

from kit.pipeline.colour_jitter import recolour
from kit.pipeline.geometry import move
from kit.pipeline.mixup import mix
from kit.pipeline.random_erasing import erase
from kit.pipeline.random_numbers import Draws
from kit.specs import AugmentSpec


def augment_batch(spec: AugmentSpec, images: Any, labels: Any, seed: Any) -> tuple[Any, Any]:
    """Vary a batch; what is drawn follows from `seed` alone, another for each image.

    First the geometry, then colours, then what is erased, and mixtures last, of images that are finished. What `spec`
    leaves at zero adds no operation.

    Args:
        spec: Augmentation; `spec.check_shape` has accepted the images.
        images: Float32 [batch, height, width, 1 or 3] in 0 to 1, all but the batch known.
        labels: Float32 [batch] of two classes, or [batch, classes] of more.
        seed: Int64 [2], as stateless operations take it.

    Returns:
        Images and labels, as they were given; mixed images have labels in between.
    """
    draws = Draws(seed, images)
    if spec.moves:
        images = move(spec, images, draws)
    if spec.recolours(images.shape[-1]):
        images = recolour(spec, images, draws)
    if spec.erasing:
        images = erase(spec, images, draws)
    return mix(spec, images, labels, draws) if spec.mixes else (images, labels)
