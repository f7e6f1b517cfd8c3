"""Metric of a dataset: what its predictions are judged by unless another one is named."""

from __future__ import annotations

import msgspec

from kit.datasets import Dataset
from kit.inference.predictions import Predictions
from kit.metrics import Metric, find_metric
from kit.metrics.score import known


def dataset_metric(dataset: Dataset) -> Metric:
    """Find the metric of a dataset, its target's default where it names none.

    Raises:
        ShardError: The note of it is damaged.
        SpecError: It is one of one's own, and its file is missing.
    """
    return find_metric(dataset.metric)


def own_score(scores: Predictions, metric: Metric) -> float | msgspec.UnsetType | None:
    """Judge predictions by their dataset's metric; unset for the accuracy of classes or grades, None without a value.

    The accuracy is a figure of its own, so that files of datasets judged by it hold nothing twice.
    """
    if metric.name == "accuracy" and scores.target.is_partition:
        return msgspec.UNSET
    return known(scores.judge(metric).value)
