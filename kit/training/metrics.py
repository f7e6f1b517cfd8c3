"""Metrics of an epoch: counts that stream, and the registry's metrics from all outputs together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.compat import keras, tf
from kit.inference.predictions import Predictions
from kit.metrics import Metric, find_metric
from kit.targets import Head, Target, Truth
from kit.targets.top_classes import KEPT, best_among


def make_metrics(names: Sequence[str], target: Target, head: Head, images: int) -> list[Any]:
    """Make metrics for labels as `Head.encode` gives them, [batch] for one unit too, and outputs [batch, units].

    Mixed labels count as their largest class or grade, and as the tags with more than half; numbers stay as they are.

    Args:
        names: Names of the metrics.
        target: Target of the labels.
        head: Last layer of the network.
        images: Largest number of images in an epoch of training or validation.
    """
    return list(_made(names, target, head, images))


def _made(names: Sequence[str], target: Target, head: Head, images: int) -> Iterator[Any]:
    kept: Callable[[], Predictions] | None = None
    for name in names:
        if is_streamed(name, target):
            yield _STREAMED[name](name, head)
            continue
        exact = EpochMetric(images, target, head, find_metric(name), kept=kept, name=name)
        kept = kept or exact.predictions
        yield exact


def is_streamed(name: str, target: Target) -> bool:
    """Whether a metric is counted batch by batch, not computed from all outputs of an epoch."""
    return target.has_class_figures and name in _STREAMED


def _is_right(labels: Any, outputs: Any) -> Any:
    """Compare the likeliest class of each image with the true one; float32 [batch]."""
    return tf.cast(tf.equal(_chosen(labels), _chosen(outputs)), tf.float32)


def _chosen(values: Any) -> Any:
    """Return the class of labels or outputs [batch], [batch, 1] or [batch, classes]; int64 [batch]."""
    if len(values.shape) == 1 or values.shape[-1] == 1:
        return tf.cast(tf.reshape(values, [-1]) > 0.5, tf.int64)  # noqa: PLR2004 (even chances)
    return tf.argmax(values, axis=-1)


class EpochMetric(keras.metrics.Metric):  # type: ignore[misc]  # Keras is untyped here
    """A metric that is exact over all outputs of an epoch; see `kit.targets.judge`.

    The first of a model stores the outputs until the epoch's end, when Keras asks for the result outside the graph;
    within a step there is no result, as judging them would take longer than the step. Each replica writes to indices of
    its own, with zeros everywhere else, so that Keras' sum over the replicas holds all outputs.

    Args:
        images: Largest number of images in an epoch of training or validation; 4 bytes for each image and number of
            its output and label. Above 1,000 classes the 20 best of each image are stored, and their indices.
        target: Target of the labels.
        head: Last layer of the network.
        metric: Metric of the epoch's predictions.
        kept: Function that gives the predictions which another metric of the model keeps; None keeps them here.
    """

    def __init__(
        self,
        images: int,
        target: Target,
        head: Head,
        metric: Metric,
        *,
        kept: Callable[[], Predictions] | None = None,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self._target, self._head, self._metric = target, head, metric
        self._kept = kept
        if kept is None:
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            self._room = -(-images // replicas) * replicas
            self._outputs = self.add_weight(
                name="outputs", shape=(self._room, _width(target, head)), initializer="zeros"
            )
            shape = (self._room, *_label_shape(head))
            self._labels = self.add_weight(name="labels", shape=shape, initializer="zeros")
            self._seen = self.add_weight(name="seen", shape=(), initializer="zeros", dtype="float64")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Keep a batch, if another metric does not; weights are those of the loss, and do not count."""
        del sample_weight
        if self._kept:
            return
        replica, replicas = _replica()
        here = [parts_of(variable) for variable in self.variables]  # those of this machine, of several
        outputs, labels, seen = (parts[replica % len(parts)] for parts in here)
        count = tf.shape(y_pred)[0]
        indices = (tf.cast(seen, tf.int32) + tf.range(count)) * replicas + replica
        indices %= self._room  # benchmarks take any number of steps
        outputs.scatter_update(tf.IndexedSlices(_kept_outputs(self._target, y_pred), indices))
        labels.scatter_update(tf.IndexedSlices(_kept_labels(self._head, y_true), indices))
        seen.assign_add(tf.cast(count, tf.float64))

    def result(self) -> Any:
        """Judge what was kept."""
        if not tf.executing_eagerly():
            return tf.constant(np.nan, tf.float32)
        predictions = (self._kept or self.predictions)()
        return tf.constant(predictions.judge(self._metric).value, tf.float32)

    def predictions(self) -> Predictions:
        """Predict the images that were seen, in the order of their places."""
        labels = tf.convert_to_tensor(self._labels).numpy()
        is_seen = labels.reshape(self._room, -1)[:, 0] > 0
        outputs = tf.convert_to_tensor(self._outputs).numpy()[is_seen]
        truth = _truth(self._target, self._head, labels[is_seen])
        return Predictions([], truth, _predictions(self._target, self._head, outputs), self._target)

    def reset_state(self) -> None:
        """Drop the stored outputs."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))


def _width(target: Target, head: Head) -> int:
    """Count the numbers that are kept of an image's output."""
    return 2 * KEPT if target.keeps_best else head.units


def _kept_outputs(target: Target, outputs: Any) -> Any:
    """Reduce outputs of a batch to what is kept, float32 [batch, width]: the best of very many, then their indices.

    Indices are whole numbers, which float32 holds exactly up to 16,777,216.
    """
    outputs = tf.cast(outputs, tf.float32)
    if not target.keeps_best:
        return outputs
    are_numbers = tf.reduce_all(tf.math.is_finite(outputs), axis=1, keepdims=True)
    best, indices = tf.math.top_k(outputs, KEPT)  # the first of equals first
    return tf.concat([tf.where(are_numbers, best, np.nan), tf.cast(indices, tf.float32)], axis=1)


def _predictions(target: Target, head: Head, kept: NDArray[np.float32]) -> NDArray[Any]:
    """Turn kept outputs into predictions."""
    if target.keeps_best:
        return best_among(kept[:, :KEPT], kept[:, KEPT:].astype(np.int32))
    return head.predictions(kept)


def _label_shape(head: Head) -> tuple[int, ...]:
    """Shape of an image's kept label: an index, marks of tags, or a one and the numbers that were learned."""
    if head.learns_numbers:
        return (1 + head.units,)
    return (head.units,) if head.name == "tags" else ()


def _kept_labels(head: Head, labels: Any) -> Any:
    """Turn labels of a batch into what is kept, float32, above 0 in the first column: 0 is unseen."""
    if head.learns_numbers:
        numbers = tf.reshape(tf.cast(labels, tf.float32), [-1, head.units])
        return tf.concat([tf.ones_like(numbers[:, :1]), numbers], axis=1)
    if head.name == "tags":
        labels = tf.reshape(labels, [-1, head.units])
        return tf.cast(1 + tf.cast(labels > 0.5, tf.int32), tf.float32)  # noqa: PLR2004 (even chances)
    if head.name == "cumulative":
        above = tf.reshape(labels, [-1, head.units]) > 0.5  # noqa: PLR2004
        return 1 + tf.reduce_sum(tf.cast(above, tf.float32), axis=1)
    return tf.cast(1 + _chosen(labels), tf.float32)


def _truth(target: Target, head: Head, kept: NDArray[np.float32]) -> Truth:
    """Turn kept labels back into those of the target; a number between two grades counts as the nearer one."""
    if head.learns_numbers:
        return target.decide(head.predictions(kept[:, 1:]))
    return kept.astype(np.int32) - 1


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

    A class that neither labels nor decisions of the epoch hold is left out, as by the metrics of the registry and by
    scikit-learn; 0 where the second of two classes is such a one.

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
        """Average over the classes that labels or decisions hold."""
        counts = tf.convert_to_tensor(self._counts)
        are_there = tf.reduce_sum(counts, axis=0) > 0
        scores = tf.boolean_mask(self._score(*tf.unstack(counts)), are_there)
        return tf.math.divide_no_nan(tf.reduce_sum(scores), tf.cast(tf.size(scores), scores.dtype))

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


def _accuracy(name: str, head: Head) -> Any:
    del head
    return keras.metrics.MeanMetricWrapper(_is_right, name=name)


def _class_mean(name: str, head: Head) -> Any:
    return ClassMean(_SCORES[name], head.units, name=name)


_STREAMED: dict[str, Callable[[str, Head], Any]] = {"accuracy": _accuracy, **dict.fromkeys(_SCORES, _class_mean)}
