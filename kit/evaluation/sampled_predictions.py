"""What intervals, base rates and subgroups need beside predictions: groups of images, and labels of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.datasets import Dataset
from kit.datasets.stored_fields import stored_groups, stored_labels
from kit.evaluation.intervals import Units
from kit.inference.predictions import Predictions
from kit.progress import Progress
from kit.targets import Truth

LEARNED = ("train", "validation")  # splits that runs on folds learn from, each from a part


@dataclass(frozen=True, slots=True)
class SampledPredictions:
    """Predictions of images that were drawn from all that there could be, alone or in groups.

    Attributes:
        scores: Predictions of n images.
        groups: Group of each image; empty where it has none.
        learned: Labels of the training.
    """

    scores: Predictions
    groups: Sequence[str]
    learned: Truth

    @property
    def units(self) -> Units:
        """What is drawn: images, or whole groups of them."""
        return Units.of(self.groups, len(self.groups))


def read_sampled(
    scores: Predictions, dataset: Dataset, splits: Sequence[str], progress: Progress
) -> SampledPredictions:
    """Read the groups of predicted images, and the labels of the training, from a dataset's records.

    Args:
        scores: Predictions.
        dataset: Dataset of the images, as seen by a run on a fold.
        splits: Splits in which the images lie; several for those of several folds.
        progress: Progress that sees every record.
    """
    manifest = dataset.manifest
    groups = stored_groups(dataset, splits, progress) if manifest.groups else {}
    learned = LEARNED if len(splits) > 1 else LEARNED[:1]
    there = [split for split in learned if split in manifest.splits]
    return SampledPredictions(
        scores, [groups.get(key, "") for key in scores.keys], stored_labels(dataset, there, progress)
    )
