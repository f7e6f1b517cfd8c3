"""The preprocessing of `kit shard` as a Keras model, made of Keras' own operations alone.

A side that shrinks is averaged by area and one that grows is interpolated linearly, as OpenCV does for
`kit.images.resize`. Both are weighted sums along a side, so an image is resized by two matrix products, which every
format and every backend supports; Keras' Resizing layer has no area averaging.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from kit.compat import function_model, keras, ops
from kit.exports.metadata import IMAGES
from kit.specs import ImageSpec
from kit.specs.image import Fit

Tensor: TypeAlias = Any

_EXACT = "float64"  # for indices and weights, as in Python and OpenCV
_TIE = 0.125  # half a quarter, the step of 4-pixel averages: OpenCV rounds their halves up, all others to even


class _Side(NamedTuple):
    """Resampling of one side of an image.

    Attributes:
        indices: Float64 [side]: indices 0, 1, 2, … of the source's rows or columns.
        start: First index kept.
        kept: Number of indices kept.
        top: Offset of the resampled part in the result.
        inside: Number of rows or columns after resampling.
        size: Size of the result.
    """

    indices: Tensor
    start: Tensor
    kept: Tensor
    top: Tensor
    inside: Tensor
    size: int


def preprocessing_model(spec: ImageSpec, shape: tuple[int, int, int]) -> Any:
    """Build the preprocessing model.

    Averages equal those of `kit shard` except for rounding of floats; interpolated values differ from OpenCV's, whose
    weights have 11 bits, by 1 of 255 at most. An image of the target size passes unchanged.

    Args:
        spec: Image settings of the dataset.
        shape: Height, width and channels of the network's input.

    Returns:
        Keras model from uint8 [batch, any height, any width, channels] to float32 [batch, *shape] in 0 to 1.
    """
    images = keras.Input((None, None, shape[2]), dtype="uint8", name=IMAGES)
    return function_model(images, lambda pixels: _preprocess(pixels, shape[:2], spec.fit), "preprocessing")


def _preprocess(images: Tensor, size: tuple[int, int], fit: Fit) -> Tensor:
    values = ops.cast(images, "float32")
    rows, columns = _sides(values, size, fit)
    values = ops.einsum("ij,bjwc->biwc", _weights(rows), values)
    values = ops.einsum("ij,bkjc->bkic", _weights(columns), values)
    values = values * ops.cast(1.0 / (_areas(rows) * _areas(columns)), "float32")
    is_halved = ops.logical_and(ops.equal(_areas(rows), 2.0), ops.equal(_areas(columns), 2.0))
    return ops.round(values + ops.cast(is_halved, "float32") * _TIE) / 255.0


def _sides(values: Tensor, size: tuple[int, int], fit: Fit) -> tuple[_Side, _Side]:
    """Choose the kept part of both sides and its offset, as `kit.images.resize` does, for sizes known at run time."""
    rows, columns = _indices(values, (0, 2, 3)), _indices(values, (0, 1, 3))
    height, width = ops.max(rows) + 1.0, ops.max(columns) + 1.0
    start = ops.zeros_like(height)
    into = start + size[0], start + size[1]
    if fit == "stretch":
        return (
            _Side(rows, start, height, start, into[0], size[0]),
            _Side(columns, start, width, start, into[1], size[1]),
        )
    if fit == "pad":
        scale = ops.minimum(size[0] / height, size[1] / width)
        inside = _rounded(height * scale, into[0]), _rounded(width * scale, into[1])
        return (
            _Side(rows, start, height, _offset(into[0], inside[0]), inside[0], size[0]),
            _Side(columns, start, width, _offset(into[1], inside[1]), inside[1], size[1]),
        )
    kept = _rounded(width * size[0] / size[1], height), _rounded(height * size[1] / size[0], width)
    return (
        _Side(rows, _offset(height, kept[0]), kept[0], start, into[0], size[0]),
        _Side(columns, _offset(width, kept[1]), kept[1], start, into[1], size[1]),
    )


def _indices(values: Tensor, other_axes: tuple[int, ...]) -> Tensor:
    """Compute the indices along a side: a symbolic model has no other way to know its length."""
    return ops.cumsum(ops.ones_like(ops.sum(values, axis=other_axes), dtype=_EXACT)) - 1.0


def _rounded(length: Tensor, most: Tensor) -> Tensor:
    """Round to a whole number and clip to 1 to `most`."""
    return ops.maximum(ops.minimum(ops.round(length), most), 1.0)


def _offset(whole: Tensor, part: Tensor) -> Tensor:
    """Compute the offset of a centered part."""
    return ops.floor((whole - part) / 2.0)


def _areas(side: _Side) -> Tensor:
    """Number of source pixels per result pixel; 1 for a side that does not shrink."""
    return ops.maximum(side.kept / side.inside, 1.0)


def _weights(side: _Side) -> Tensor:
    """Compute resampling weights, float32 [size, side], in units of source pixels."""
    ratio = side.kept / side.inside
    targets = ops.subtract(np.arange(side.size, dtype=_EXACT)[:, None], side.top)
    sources = ops.expand_dims(side.indices - side.start, 0)
    low = ops.maximum(ops.maximum(targets * ratio, sources), 0.0)
    high = ops.minimum(ops.minimum((targets + 1.0) * ratio, sources + 1.0), side.kept)
    covered = ops.maximum(high - low, 0.0)
    centres = ops.minimum(ops.maximum((targets + 0.5) * ratio - 0.5, 0.0), side.kept - 1.0)
    near = ops.maximum(1.0 - ops.abs(centres - sources), 0.0)
    is_inside = ops.logical_and(ops.greater_equal(targets, 0.0), ops.less(targets, side.inside))
    shrinks = ops.greater_equal(side.kept, side.inside)
    return ops.cast(ops.where(shrinks, covered, near * ops.cast(is_inside, _EXACT)), "float32")
