"""Metric of a dataset: what its predictions are judged by unless another one is named."""

from __future__ import annotations

from kit.datasets import Dataset
from kit.metrics import Metric, find_metric


def dataset_metric(dataset: Dataset) -> Metric:
    """Find the metric of a dataset, its target's default where it names none.

    Raises:
        SpecError: It is one of one's own, and its file is missing.
    """
    name: str = getattr(dataset, "metric", dataset.manifest.target.default_metric)
    return find_metric(name)
