"""Parses serialized examples into pixels, labels and keys."""

from __future__ import annotations

from typing import Any, TypeAlias

from kit.compat import tf
from kit.datasets import Dataset
from kit.pipeline.parallel import parallel_calls

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/format": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/key": tf.io.FixedLenFeature([], tf.string),
}
_MORE = {
    "image/height": tf.io.FixedLenFeature([], tf.int64),
    "image/width": tf.io.FixedLenFeature([], tf.int64),
    "image/group": tf.io.FixedLenFeature([], tf.string),
    "image/fold": tf.io.FixedLenFeature([], tf.int64),
}

Shape: TypeAlias = tuple[int | None, int | None, int]


def decode_batches(serialized: Any, dataset: Dataset, batch_size: int) -> Any:
    """Decode a tf.data.Dataset of serialized examples, and batch them.

    Raw images are parsed by the batch, as decoding is one reshape; JPEG and PNG are decoded one by one, in parallel.

    Returns:
        A tf.data.Dataset of {"image": uint8 [batch, height, width, channels], "label": int32 [batch] (-1 for unlabelled
        images), "key": string [batch]}, in the order of `serialized`, including the short last batch.
    """
    if not is_raw(dataset):
        return decode_each(serialized, dataset).batch(batch_size)
    batches = serialized.batch(batch_size)
    return batches.map(lambda batch: decode_raw(batch, dataset.shape), num_parallel_calls=parallel_calls())


def is_raw(dataset: Dataset) -> bool:
    """Return whether all images are stored as raw pixels, so that they can be decoded by the batch."""
    return set(dataset.manifest.image.formats) == {"raw"}


def decode_each(serialized: Any, dataset: Dataset) -> Any:
    """Decode a tf.data.Dataset of serialized examples one by one, in parallel, keeping their order."""
    return serialized.map(lambda one: _decode_one(one, dataset.shape), num_parallel_calls=parallel_calls())


def read_labels(serialized: Any) -> Any:
    """Read the labels of serialized examples, string [batch]: int32 [batch]."""
    name = "image/class/label"
    return tf.cast(tf.io.parse_example(serialized, {name: _FEATURES[name]})[name], tf.int32)


def decode_raw(serialized: Any, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Decode a batch of serialized examples of raw pixels, string [batch]; see `decode_batches`."""
    features = tf.io.parse_example(serialized, _FEATURES)
    flat = tf.io.decode_raw(features["image/encoded"], tf.uint8)
    return _example(tf.reshape(flat, (-1, *shape)), features)


def decode_example(serialized: Any, shape: Shape) -> dict[str, Any]:
    """Decode one serialized example of any format and size.

    Args:
        serialized: String [], a serialized tf.train.Example.
        shape: Height, width and channels; None for sides that differ.

    Returns:
        {"image": uint8 `shape`, "label": int32 [] (-1 for an unlabelled image), "key": string [], "group": string []
        (empty without a group), "fold": int32 [] (-1 without folds)}.
    """
    more = tf.io.parse_single_example(serialized, _MORE)
    return {
        **_decode_one(serialized, shape),
        "group": more["image/group"],
        "fold": tf.cast(more["image/fold"], tf.int32),
    }


def _decode_one(serialized: Any, shape: Shape) -> dict[str, Any]:
    features = tf.io.parse_single_example(serialized, {**_FEATURES, **_MORE})
    encoded, kind = features["image/encoded"], features["image/format"]
    own = tf.stack([features["image/height"], features["image/width"], shape[2]])
    image = tf.case(
        [
            (kind == "raw", lambda: tf.reshape(tf.io.decode_raw(encoded, tf.uint8), own)),
            # libjpeg's accurate transform, as in OpenCV: TensorFlow's default is faster and differs in the last bits
            (
                kind == "jpeg",
                lambda: tf.io.decode_jpeg(encoded, shape[2], dct_method="INTEGER_ACCURATE"),
            ),
        ],
        default=lambda: tf.io.decode_png(encoded, shape[2]),
    )
    return _example(tf.ensure_shape(image, shape), features)


def _example(image: Any, features: dict[str, Any]) -> dict[str, Any]:
    return {
        "image": image,
        "label": tf.cast(features["image/class/label"], tf.int32),
        "key": features["image/key"],
    }
