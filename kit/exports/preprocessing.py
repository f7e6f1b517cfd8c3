"""What `kit shard` does to an image's pixels, as a Keras model of nothing but Keras' own operations.

A side that shrinks is averaged by areas and one that grows is interpolated linearly, as `kit.images.resize` has OpenCV
do it. Both are weighted sums along a side, so an image is brought to its size by two products of matrices, which every
format and every backend knows; Keras' Resizing layer averages no areas.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from kit.compat import keras
from kit.exports.metadata import IMAGES
from kit.specs import ImageSpec
from kit.specs.image import Fit

Tensor: TypeAlias = Any

_EXACT = "float64"  # of indices and weights: what Python and OpenCV compute them in
_TIE = 0.125  # half of the quarters that averages of four come in: OpenCV rounds those up, all others to even


class _Side(NamedTuple):
    """How one side of an image is brought to its size.

    Attributes:
        indices: Float64 [side]: 0, 1, 2, … of the source's rows or columns.
        start: First of them that is kept.
        kept: Number of those kept.
        top: Offset of the first one in the result.
        inside: Number of rows or columns that they become.
        size: Size of the result.
    """

    indices: Tensor
    start: Tensor
    kept: Tensor
    top: Tensor
    inside: Tensor
    size: int


def preprocessing_model(spec: ImageSpec, shape: tuple[int, int, int]) -> Any:
    """Build the model.

    Averages are those of `kit shard` but where floats round otherwise, interpolated values differ from OpenCV's, which
    has 11 bits for a weight: by 1 of 255 at most. An image of the wanted size passes unchanged.

    Args:
        spec: Image settings of the dataset.
        shape: Height, width and channels that the network takes.

    Returns:
        keras.Model from uint8 [batch, any height, any width, channels] to float32 [batch, *shape] in 0 to 1.
    """
    ops = keras.ops
    images = keras.Input((None, None, shape[2]), dtype="uint8", name=IMAGES)
    values = ops.cast(images, "float32")
    rows, columns = _sides(values, shape[:2], spec.fit)
    values = ops.einsum("ij,bjwc->biwc", _weights(rows), values)
    values = ops.einsum("ij,bkjc->bkic", _weights(columns), values)
    values = values * ops.cast(1.0 / (_areas(rows) * _areas(columns)), "float32")
    is_halved = ops.logical_and(ops.equal(_areas(rows), 2.0), ops.equal(_areas(columns), 2.0))
    values = ops.round(values + ops.cast(is_halved, "float32") * _TIE)
    return keras.Model(images, values / 255.0, name="preprocessing")


def _sides(values: Tensor, size: tuple[int, int], fit: Fit) -> tuple[_Side, _Side]:
    """Choose what of both sides is kept, and where it goes: `kit.images.resize` for sizes known when it runs."""
    ops = keras.ops
    rows, columns = _places(values, (0, 2, 3)), _places(values, (0, 1, 3))
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
        inside = _within(height * scale, into[0]), _within(width * scale, into[1])
        return (
            _Side(rows, start, height, _before(into[0], inside[0]), inside[0], size[0]),
            _Side(columns, start, width, _before(into[1], inside[1]), inside[1], size[1]),
        )
    kept = _within(width * size[0] / size[1], height), _within(height * size[1] / size[0], width)
    return (
        _Side(rows, _before(height, kept[0]), kept[0], start, into[0], size[0]),
        _Side(columns, _before(width, kept[1]), kept[1], start, into[1], size[1]),
    )


def _places(values: Tensor, other_axes: tuple[int, ...]) -> Tensor:
    """Count along the side that is left: a model of symbols has no other way to know its length."""
    ops = keras.ops
    return ops.cumsum(ops.ones_like(ops.sum(values, axis=other_axes), dtype=_EXACT)) - 1.0


def _within(length: Tensor, most: Tensor) -> Tensor:
    """Round to a whole number from 1 to `most`."""
    ops = keras.ops
    return ops.maximum(ops.minimum(ops.round(length), most), 1.0)


def _before(whole: Tensor, part: Tensor) -> Tensor:
    """Count what stands before a part in the middle."""
    return keras.ops.floor((whole - part) / 2.0)


def _areas(side: _Side) -> Tensor:
    """How many of the source's pixels become one; 1 of a side that does not shrink."""
    return keras.ops.maximum(side.kept / side.inside, 1.0)


def _weights(side: _Side) -> Tensor:
    """Weigh the source's indices for each of the result's: float32 [size, side], in areas of the source's pixels."""
    ops = keras.ops
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
