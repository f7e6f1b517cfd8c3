"""Metrics that Keras lacks, or computes differently for two classes and for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kit.compat import keras, tf
from kit.inference.predictions import Predictions
from kit.specs.train import Metric
from kit.targets import Head, Target


def make_metrics(names: tuple[Metric, ...], target: Target, head: Head, images: int) -> list[Any]:
    """Make metrics for labels [batch] and outputs [batch, 1] of two classes, or one-hot [batch, classes] of more.

    Mixed labels count as their largest class.

    Args:
        names: Names of the metrics.
        target: Target of the labels.
        head: Last layer of the network.
        images: Largest number of images in an epoch of training or validation.
    """
    return [_make(name, target, head, images) for name in names]


def _make(name: Metric, target: Target, head: Head, images: int) -> Any:
    if name == "accuracy":
        return keras.metrics.MeanMetricWrapper(_is_right, name=name)
    if name == "auc":
        return ExactAUC(images, target, head, name=name)
    return ClassMean(_SCORES[name], head.units, name=name)


def _is_right(labels: Any, outputs: Any) -> Any:
    """Compare the likeliest class of each image with the true one; float32 [batch]."""
    return tf.cast(tf.equal(_chosen(labels), _chosen(outputs)), tf.float32)


def _chosen(values: Any) -> Any:
    """Return the class of labels or outputs [batch], [batch, 1] or [batch, classes]; int64 [batch]."""
    if len(values.shape) == 1 or values.shape[-1] == 1:
        return tf.cast(tf.reshape(values, [-1]) > 0.5, tf.int64)  # noqa: PLR2004 (even chances)
    return tf.argmax(values, axis=-1)


class ExactAUC(keras.metrics.Metric):  # type: ignore[misc]  # Keras is untyped here
    """Area under the ROC curve, exact over all outputs of an epoch; see `Predictions.auc`.

    It stores the outputs until the epoch's end, when Keras asks for the result outside the graph; within a step there
    is no result, as sorting would take longer than the step. Each replica writes to indices of its own, with zeros
    everywhere else, so that Keras' sum over the replicas holds all outputs.

    Args:
        images: Largest number of images in an epoch of training or validation; 4 bytes for each image and class.
        target: Target of the labels.
        head: Last layer of the network.
    """

    def __init__(self, images: int, target: Target, head: Head, *, name: str) -> None:
        super().__init__(name=name)
        self._target, self._head = target, head
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        self._room = -(-images // replicas) * replicas
        self._outputs = self.add_weight(name="outputs", shape=(self._room, head.units), initializer="zeros")
        self._labels = self.add_weight(name="labels", shape=(self._room,), initializer="zeros")  # from 1; 0 is unseen
        self._seen = self.add_weight(name="seen", shape=(), initializer="zeros", dtype="float64")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Store a batch; sample weights, which are for the loss, are ignored."""
        del sample_weight
        replica, replicas = _replica()
        outputs, labels, seen = (parts_of(variable)[replica] for variable in self.variables)
        count = tf.shape(y_pred)[0]
        indices = (tf.cast(seen, tf.int32) + tf.range(count)) * replicas + replica
        indices %= self._room  # benchmarks take any number of steps
        outputs.scatter_update(tf.IndexedSlices(tf.cast(y_pred, tf.float32), indices))
        labels.scatter_update(tf.IndexedSlices(tf.cast(1 + _chosen(y_true), tf.float32), indices))
        seen.assign_add(tf.cast(count, tf.float64))

    def result(self) -> Any:
        """Compute the area from the stored outputs."""
        if not tf.executing_eagerly():
            return tf.constant(np.nan, tf.float32)
        labels = tf.convert_to_tensor(self._labels).numpy().astype(np.int32) - 1
        outputs = tf.convert_to_tensor(self._outputs).numpy()[labels >= 0]
        area = Predictions([], labels[labels >= 0], self._head.predictions(outputs), self._target).auc
        return tf.constant(np.nan if area is None else area, tf.float32)

    def reset_state(self) -> None:
        """Drop the stored outputs."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))


def _replica() -> tuple[int, int]:
    """Return this replica's index and the number of replicas; the first while Keras only infers shapes."""
    context = tf.distribute.get_replica_context()
    if context is None:
        return 0, tf.distribute.get_strategy().num_replicas_in_sync
    return int(tf.get_static_value(context.replica_id_in_sync_group)), context.num_replicas_in_sync


def parts_of(variable: Any) -> Sequence[Any]:
    """Return each replica's copy of a variable; the variable itself if it is on one device."""
    held = getattr(variable, "value", None)  # Keras 3 wraps the variable, Keras 2 does not
    held = variable if callable(held) else held
    return getattr(held, "values", (held,))


class ClassMean(keras.metrics.Metric):  # type: ignore[misc]  # Keras is untyped here
    """Mean of a score over the classes; the score of the second class for two classes.

    Args:
        score: Function of true positives, false positives and false negatives, each float32 [classes].
        classes: 1 for two classes.
    """

    def __init__(self, score: Callable[[Any, Any, Any], Any], classes: int, *, name: str) -> None:
        super().__init__(name=name)
        self._score = score
        self._classes = classes
        self._counts = self.add_weight(name="counts", shape=(3, classes), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; sample weights, which are for the loss, are ignored."""
        del sample_weight
        true, predicted = (self._indicate(_chosen(values)) for values in (y_true, y_pred))
        pairs = [(true, predicted), (1 - true, predicted), (true, 1 - predicted)]
        self._counts.assign_add(tf.stack([tf.reduce_sum(a * b, axis=0) for a, b in pairs]))

    def result(self) -> Any:
        """Average over the classes."""
        return tf.reduce_mean(self._score(*tf.unstack(tf.convert_to_tensor(self._counts))))

    def reset_state(self) -> None:
        """Reset the counts."""
        self._counts.assign(tf.zeros_like(self._counts))

    def _indicate(self, indices: Any) -> Any:
        """One-hot encode each image's class; float32 [batch, classes]."""
        if self._classes == 1:
            return tf.cast(indices[:, None], tf.float32)
        return tf.one_hot(indices, self._classes)


def _precision(hits: Any, false_alarms: Any, misses: Any) -> Any:
    del misses
    return tf.math.divide_no_nan(hits, hits + false_alarms)


def _recall(hits: Any, false_alarms: Any, misses: Any) -> Any:
    del false_alarms
    return tf.math.divide_no_nan(hits, hits + misses)


def _f1(hits: Any, false_alarms: Any, misses: Any) -> Any:
    return tf.math.divide_no_nan(2 * hits, 2 * hits + false_alarms + misses)


_SCORES = {"precision": _precision, "recall": _recall, "f1": _f1}
