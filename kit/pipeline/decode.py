"""Serialized examples become pixels, labels and keys."""

from __future__ import annotations

from typing import Any

from kit.compat import tf
from kit.shards import Dataset

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/format": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/key": tf.io.FixedLenFeature([], tf.string),
}


def decode_batches(serialized: Any, dataset: Dataset, batch_size: int, *, drop_remainder: bool) -> Any:
    """Batch and decode a tf.data.Dataset of serialized examples.

    Raw images are parsed by the batch, for which decoding is one reshape; JPEG and PNG are decoded one by one, in
    parallel.

    Returns:
        tf.data.Dataset of {"image": uint8 [batch, height, width, channels], "label": int32 [batch] (-1 where
        there is none), "key": string [batch]}, in the order of `serialized`.
    """
    parallel = tf.data.AUTOTUNE
    batches = serialized.batch(batch_size, drop_remainder=drop_remainder)
    if set(dataset.manifest.image.formats) == {"raw"}:
        return batches.map(lambda batch: _decode_raw(batch, dataset.shape), num_parallel_calls=parallel)
    examples = serialized.map(lambda one: _decode_file(one, dataset.shape), num_parallel_calls=parallel)
    return examples.batch(batch_size, drop_remainder=drop_remainder)


def _decode_raw(serialized: Any, shape: tuple[int, int, int]) -> dict[str, Any]:
    features = tf.io.parse_example(serialized, _FEATURES)
    flat = tf.io.decode_raw(features["image/encoded"], tf.uint8)
    return _example(tf.reshape(flat, (-1, *shape)), features)


def _decode_file(serialized: Any, shape: tuple[int, int, int]) -> dict[str, Any]:
    features = tf.io.parse_single_example(serialized, _FEATURES)
    encoded, kind = features["image/encoded"], features["image/format"]
    image = tf.case(
        [
            (kind == "raw", lambda: tf.reshape(tf.io.decode_raw(encoded, tf.uint8), shape)),
            # libjpeg's accurate transform, as OpenCV uses: TensorFlow's default is faster and differs in last bits
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
