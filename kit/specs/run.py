"""Settings that determine the results of one training."""

from __future__ import annotations

import msgspec

from kit.names import checked_name
from kit.specs.augment import AugmentSpec
from kit.specs.model import ModelSpec
from kit.specs.seed import check_seed
from kit.specs.train import TrainSpec


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: dataset, model, training settings and seed.

    Attributes:
        dataset: Name of the dataset.
        fingerprint: Fingerprint of the dataset, which distinguishes the run from one on other images.
        arm: Name of the arm in a comparison.
        seed: Seed for the initial weights, the order of the examples, their augmentation and dropout.
        fold: Fold used for validation, all others being trained on; None uses the dataset's own train and validation
            splits.
    """

    dataset: str
    fingerprint: str
    arm: str
    seed: int = 0
    fold: int | None = None
    model: ModelSpec = ModelSpec()
    augment: AugmentSpec = AugmentSpec()
    train: TrainSpec = TrainSpec()

    def __post_init__(self) -> None:
        """Refuse names that are paths, and seeds out of range."""
        checked_name(self.dataset, "dataset")
        checked_name(self.arm, "arm")
        check_seed(self.seed)
