"""Reads examples as arrays, without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kit.datasets.dataset import Dataset
from kit.datasets.example import Feature, decode_example
from kit.datasets.tfrecord import read_records
from kit.errors import ShardError
from kit.images import ImageError, Pixels, decode_pixels


@dataclass(frozen=True, slots=True)
class StoredExample:
    """A stored image with its key and class.

    Attributes:
        key: Key of the image.
        text: Name of its class; empty for an unlabelled image.
        pixels: Uint8 [height, width, channels].
    """

    key: str
    text: str
    pixels: Pixels


def read_examples(dataset: Dataset, split: str, keys: Collection[str] | None = None) -> Iterator[StoredExample]:
    """Yield a split's examples in stored order; with `keys`, only those, without decoding the others.

    Raises:
        CorruptRecordError: A record is damaged; the message gives its shard, index and byte offset.
        ShardError: There is no such split, or a record was not written by kit.
    """
    dataset.fetch(dataset.shards(split))
    wanted = None if keys is None else {key.encode() for key in keys}
    for path in dataset.paths(split):
        for record in read_records(path):
            features = decode_example(record)
            if wanted is None or features.get("image/key") in wanted:
                yield _read_example(features, dataset.manifest.image.channels)


def _read_example(features: Mapping[str, Feature], channels: int) -> StoredExample:
    match features:
        case {
            "image/encoded": bytes(encoded),
            "image/format": bytes(kind),
            "image/height": int(height),
            "image/width": int(width),
            "image/key": bytes(key),
            "image/class/text": bytes(text),
        }:
            shape = (height, width, channels)
            pixels = _shaped(encoded, shape) if kind == b"raw" else _decode(encoded, channels)
            return StoredExample(key.decode(), text.decode(), pixels)
    raise ShardError(f"a record lacks image/encoded, image/key or image/class/text; it has {sorted(features)}")


def _shaped(encoded: bytes, shape: tuple[int, int, int]) -> Pixels:
    if min(shape) < 1 or len(encoded) != math.prod(shape):
        raise ShardError(
            f"a stored image has {len(encoded):,} bytes, not the {shape[0]}x{shape[1]}x{shape[2]} of its shape"
        )
    return np.frombuffer(encoded, np.uint8).reshape(shape)


def _decode(encoded: bytes, channels: int) -> Pixels:
    try:
        return decode_pixels(encoded, channels)
    except ImageError as error:
        raise ShardError(f"a stored image is {error}") from error
