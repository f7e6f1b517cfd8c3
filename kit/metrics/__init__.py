"""Metrics: functions of truth, prediction and weights, exact over a whole split; one registry, one file a family.

A new metric is a decorated function in a module of this package. Nothing here knows files of predictions, Keras or CSV.
"""

from kit.metrics.declaration import metric
from kit.metrics.registry import find_metric, metric_names
from kit.metrics.score import Metric, Score

__all__ = ["Metric", "Score", "find_metric", "metric", "metric_names"]
