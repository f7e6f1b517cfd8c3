"""Resizes, crops and pads images."""

from __future__ import annotations

import cv2
import numpy as np

from kit.images.exif_orientation import swaps_sides
from kit.images.header import ImageHeader
from kit.images.samples import Pixels
from kit.specs import ImageSpec


def fit(pixels: Pixels, spec: ImageSpec) -> Pixels:
    """Resize an image to `spec.size` by `spec.fit`.

    Args:
        pixels: Uint8 [height, width, channels].
        spec: Settings of the wanted image.

    Returns:
        Uint8 [size[0], size[1], channels]; `pixels` itself if nothing changes.
    """
    size = spec.size
    if size is None or pixels.shape[:2] == size:
        return pixels
    if spec.fit == "crop":
        return resize(_centre(pixels, size), size)
    if spec.fit == "stretch":
        return resize(pixels, size)
    height, width = _inside(pixels.shape[:2], size)
    padded = np.zeros((*size, pixels.shape[2]), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    padded[top : top + height, left : left + width] = resize(pixels, (height, width))
    return padded


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize by area averaging along a side that shrinks, and by linear interpolation along one that grows."""
    height, width = pixels.shape[:2]
    # OpenCV does not average areas if either side grows, so the shrinking side is resized first.
    lesser = (min(height, size[0]), min(width, size[1]))
    return _resized(_resized(pixels, lesser, cv2.INTER_AREA), size, cv2.INTER_LINEAR)


def reduction(spec: ImageSpec, header: ImageHeader) -> int:
    """Choose the factor by which a decoder may reduce the image, with at least the wanted size left.

    Returns:
        1, 2, 4 or 8.
    """
    if spec.size is None:
        return 1
    height, width = header.height, header.width
    if swaps_sides(header.orientation):
        height, width = width, height
    rows, columns = height / spec.size[0], width / spec.size[1]
    spare = max(rows, columns) if spec.fit == "pad" else min(rows, columns)
    return next(factor for factor in (8, 4, 2, 1) if factor <= spare or factor == 1)


def _centre(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Cut the largest centred rectangle of the wanted shape."""
    height, width = pixels.shape[:2]
    keep_height = max(1, min(height, round(width * size[0] / size[1])))
    keep_width = max(1, min(width, round(height * size[1] / size[0])))
    top, left = (height - keep_height) // 2, (width - keep_width) // 2
    return pixels[top : top + keep_height, left : left + keep_width]


def _inside(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[int, int]:
    """Scale a shape to the largest one within `size`, keeping its aspect ratio."""
    height, width = shape
    scale = min(size[0] / height, size[1] / width)
    return max(1, min(size[0], round(height * scale))), max(1, min(size[1], round(width * scale)))


def _resized(pixels: Pixels, size: tuple[int, int], method: int) -> Pixels:
    if pixels.shape[:2] == size:
        return pixels
    resized = cv2.resize(np.ascontiguousarray(pixels), size[::-1], interpolation=method)
    return resized.reshape(*size, pixels.shape[2]).astype(np.uint8, copy=False)
