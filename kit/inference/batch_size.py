"""Batch sizes of inference."""

from __future__ import annotations

from kit.datasets import Dataset
from kit.models import count_values
from kit.specs import ModelSpec

_BATCH = 256  # images; large enough that a step's overhead vanishes
_BYTES = 1 << 29  # 512 MiB for the values between two layers: larger images are predicted in smaller batches


def measuring_batch(model: ModelSpec, dataset: Dataset) -> int:
    """Choose the batch size for predictions; the same on every machine.

    Args:
        model: Settings of the model.
        dataset: Dataset of the images.
    """
    values = count_values(model, dataset.shape, dataset.manifest.target.head(model.head))
    return max(1, min(_BATCH, _BYTES // (4 * values)))
