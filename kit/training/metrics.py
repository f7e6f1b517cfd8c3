"""Metrics that Keras lacks, or computes otherwise for two classes than for many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kit.compat import keras, tf
from kit.specs.train import Metric


def make_metrics(names: tuple[Metric, ...], classes: int) -> list[Any]:
    """Make metrics for labels [batch] and outputs [batch, 1] of two classes, or one-hot [batch, classes] of more.

    Labels that were mixed count as the class that they hold most of.
    """
    return [_make(name, classes) for name in names]


def _make(name: Metric, classes: int) -> Any:
    if name == "accuracy":
        return keras.metrics.MeanMetricWrapper(_is_right, name=name)
    if name == "auc":
        several = {} if classes == 2 else {"multi_label": True, "num_labels": classes}  # noqa: PLR2004 (binary)
        return _WholeAUC(name=name, **several)
    return ClassMean(_SCORES[name], 1 if classes == 2 else classes, name=name)  # noqa: PLR2004


def _is_right(labels: Any, outputs: Any) -> Any:
    """Tell of each image whether its likeliest class is the true one; float32 [batch]."""
    return tf.cast(tf.equal(_chosen(labels), _chosen(outputs)), tf.float32)


def _chosen(values: Any) -> Any:
    """Name the class of labels or outputs [batch], [batch, 1] or [batch, classes]; int64 [batch]."""
    if len(values.shape) == 1 or values.shape[-1] == 1:
        return tf.cast(tf.reshape(values, [-1]) > 0.5, tf.int64)  # noqa: PLR2004 (even chances)
    return tf.argmax(values, axis=-1)


class _WholeAUC(keras.metrics.AUC):  # type: ignore[misc]  # Keras is untyped here
    """Area under the ROC curve, by 200 thresholds; one class against the others, averaged, for more than two."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; AUC takes any share above 0 for true."""
        whole = tf.round(y_true) if len(y_true.shape) == 1 else tf.one_hot(tf.argmax(y_true, axis=-1), y_true.shape[-1])
        super().update_state(tf.reshape(whole, tf.shape(y_pred)), y_pred, sample_weight)


class ClassMean(keras.metrics.Metric):  # type: ignore[misc]  # Keras is untyped here
    """A score of each class, averaged; of the second class alone where there are two.

    Args:
        score: of true positives, false positives and false negatives, each float32 [classes].
        classes: 1 for two classes.
    """

    def __init__(self, score: Callable[[Any, Any, Any], Any], classes: int, *, name: str) -> None:
        super().__init__(name=name)
        self._score = score
        self._classes = classes
        self._counts = self.add_weight(name="counts", shape=(3, classes), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch; weights are those of the loss, and do not count."""
        del sample_weight
        true, predicted = (self._indicate(_chosen(values)) for values in (y_true, y_pred))
        pairs = [(true, predicted), (1 - true, predicted), (true, 1 - predicted)]
        self._counts.assign_add(tf.stack([tf.reduce_sum(a * b, axis=0) for a, b in pairs]))

    def result(self) -> Any:
        """Average over the classes."""
        return tf.reduce_mean(self._score(*tf.unstack(tf.convert_to_tensor(self._counts))))

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts.assign(tf.zeros_like(self._counts))

    def _indicate(self, places: Any) -> Any:
        """Mark each image's class; float32 [batch, classes]."""
        if self._classes == 1:
            return tf.cast(places[:, None], tf.float32)
        return tf.one_hot(places, self._classes)


def _precision(hits: Any, false_alarms: Any, misses: Any) -> Any:
    del misses
    return tf.math.divide_no_nan(hits, hits + false_alarms)


def _recall(hits: Any, false_alarms: Any, misses: Any) -> Any:
    del false_alarms
    return tf.math.divide_no_nan(hits, hits + misses)


def _f1(hits: Any, false_alarms: Any, misses: Any) -> Any:
    return tf.math.divide_no_nan(2 * hits, 2 * hits + false_alarms + misses)


_SCORES = {"precision": _precision, "recall": _recall, "f1": _f1}
