"""Labels as records hold them, as batches hold them, and as networks learn them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kit.compat import tf
from kit.targets import Head, Target
from kit.targets.label import LABEL, VALUES

_Read: TypeAlias = Callable[[Target, Mapping[str, Any]], Any]


def label_features(target: Target) -> dict[str, Any]:
    """Describe what a record holds of its label, for `tf.io.parse_example`."""
    return {
        "index": {LABEL: tf.io.FixedLenFeature([], tf.int64)},
        "indices": {LABEL: tf.io.VarLenFeature(tf.int64)},
        "numbers": {VALUES: tf.io.FixedLenFeature([len(target.names)], tf.float32)},
    }[target.stores]


def read_label(target: Target, features: Mapping[str, Any]) -> Any:
    """Turn parsed features into labels, as `Target.encode` makes them.

    Args:
        target: Target of the labels.
        features: Features of one example, or of a batch.

    Returns:
        Int32 [] or [batch] for classes and grades, int8 [tags] or [batch, tags], float32 [values] or [batch, values].
    """
    return _READ[target.stores](target, features)


def encode_labels(head: Head, truth: Any) -> Any:
    """Turn labels into what a head learns, as `Head.encode` does.

    Args:
        head: Last layer of the network.
        truth: Labels of a batch, see `kit.targets.Truth`.

    Returns:
        Float32 [batch, units]; [batch] for the one unit that tells two classes apart.
    """
    if head.shift:
        numbers = tf.cast(truth if len(truth.shape) > 1 else truth[:, tf.newaxis], tf.float64)
        shift, scale = (tf.constant(values, tf.float64) for values in (head.shift, head.scale))
        return tf.cast((numbers - shift) / scale, tf.float32)
    if head.name == "tags":
        return tf.cast(truth, tf.float32)
    if head.name == "cumulative":
        return tf.cast(truth[:, tf.newaxis] > tf.range(head.units), tf.float32)
    return tf.cast(truth, tf.float32) if head.units == 1 else tf.one_hot(truth, head.units)


def _index(_: Target, features: Mapping[str, Any]) -> Any:
    return tf.cast(features[LABEL], tf.int32)


def _marks(target: Target, features: Mapping[str, Any]) -> Any:
    """Mark the tags whose indices are given; the index -1, of an unlabelled image, has a column of its own at first."""
    count = len(target.names)
    given = features[LABEL]
    columns = tf.where(given.values < 0, tf.constant(count, tf.int64), given.values)
    indices = tf.concat([given.indices[:, :-1], columns[:, tf.newaxis]], axis=1)
    shape = tf.concat([given.dense_shape[:-1], [count + 1]], axis=0)
    marks = tf.scatter_nd(indices, tf.ones_like(columns, tf.int8), shape)
    marks = tf.ensure_shape(marks, [*given.shape[:-1], count + 1])
    return tf.where(marks[..., count:] > 0, tf.constant(-1, tf.int8), marks[..., :count])


def _numbers(_: Target, features: Mapping[str, Any]) -> Any:
    return features[VALUES]


_READ: dict[str, _Read] = {"index": _index, "indices": _marks, "numbers": _numbers}
