"""Parses serialized examples into pixels, labels and keys."""

from __future__ import annotations

from typing import Any, TypeAlias

from kit.compat import tf
from kit.datasets import Dataset
from kit.pipeline.labels import label_features, read_label
from kit.pipeline.parallel import parallel_calls
from kit.targets import Target

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/format": tf.io.FixedLenFeature([], tf.string),
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
        A tf.data.Dataset of {"image": uint8 [batch, height, width, channels], "label": labels of the batch, see
        `kit.targets.Truth`, "key": string [batch]}, in the order of `serialized`, including the short last
        batch.
    """
    if not is_raw(dataset):
        return decode_each(serialized, dataset).batch(batch_size)
    batches = serialized.batch(batch_size)
    return batches.map(lambda batch: decode_raw(batch, dataset), num_parallel_calls=parallel_calls())


def is_raw(dataset: Dataset) -> bool:
    """Return whether all images are stored as raw pixels, so that they can be decoded by the batch."""
    return set(dataset.manifest.image.formats) == {"raw"}


def decode_each(serialized: Any, dataset: Dataset) -> Any:
    """Decode a tf.data.Dataset of serialized examples one by one, in parallel, keeping their order."""
    shape, target = dataset.shape, dataset.manifest.target
    return serialized.map(lambda one: _decode_one(one, shape, target), num_parallel_calls=parallel_calls())


def read_labels(serialized: Any, target: Target) -> Any:
    """Read the labels of serialized examples, string [batch]; see `kit.targets.Truth`."""
    return read_label(target, tf.io.parse_example(serialized, label_features(target)))


def decode_raw(serialized: Any, dataset: Dataset) -> dict[str, Any]:
    """Decode a batch of serialized examples of raw pixels, string [batch]; see `decode_batches`."""
    target = dataset.manifest.target
    features = tf.io.parse_example(serialized, {**_FEATURES, **label_features(target)})
    flat = tf.io.decode_raw(features["image/encoded"], tf.uint8)
    return _example(tf.reshape(flat, (-1, *dataset.shape)), features, target)


def decode_example(serialized: Any, shape: Shape, target: Target) -> dict[str, Any]:
    """Decode one serialized example of any format and size.

    Args:
        serialized: String [], a serialized tf.train.Example.
        shape: Height, width and channels; None for sides that differ.
        target: Target of the labels.

    Returns:
        {"image": uint8 `shape`, "label": int32 [] for classes and grades (-1: unlabelled), int8 [tags] of 0 and 1 (-1:
        unlabelled) or float32 [values] (NaN: unlabelled), "key": string [], "group": string [] (empty without a
        group), "fold": int32 [] (-1 without folds)}.
    """
    more = tf.io.parse_single_example(serialized, _MORE)
    return {
        **_decode_one(serialized, shape, target),
        "group": more["image/group"],
        "fold": tf.cast(more["image/fold"], tf.int32),
    }


def _decode_one(serialized: Any, shape: Shape, target: Target) -> dict[str, Any]:
    features = tf.io.parse_single_example(serialized, {**_FEATURES, **_MORE, **label_features(target)})
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
    return _example(tf.ensure_shape(image, shape), features, target)


def _example(image: Any, features: dict[str, Any], target: Target) -> dict[str, Any]:
    return {
        "image": image,
        "label": read_label(target, features),
        "key": features["image/key"],
    }
