"""Batch sizes of inference: how many images a model predicts or measures at a time."""

from __future__ import annotations

from kit.datasets import Dataset
from kit.models import count_values
from kit.specs import ModelSpec

_BATCH = 256  # images to measure at a time; large enough that a step's overhead vanishes
_BYTES = 1 << 29  # 512 MiB that their values may fill between two layers: large images come in smaller batches


def measuring_batch(model: ModelSpec, dataset: Dataset) -> int:
    """Choose how many images a model measures or predicts at a time; the same on every machine.

    Args:
        model: Settings of the model.
        dataset: Dataset that holds the images.
    """
    values = count_values(model, dataset.shape, dataset.manifest.target.head(model.head))
    return max(1, min(_BATCH, _BYTES // (4 * values)))
