"""What decides the numbers of one training."""

from __future__ import annotations

import msgspec

from kit.names import checked_name
from kit.specs.augment import AugmentSpec
from kit.specs.model import ModelSpec
from kit.specs.seed import check_seed
from kit.specs.train import TrainSpec


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: a dataset, a model, a training and a seed.

    Attributes:
        dataset: Name of the dataset.
        fingerprint: Fingerprint of the dataset, so that a run is never mistaken for one on other images.
        arm: Setting that this run stands for in a comparison.
        seed: Seed for the initial weights, the order of the examples, their augmentation and what dropout drops.
        fold: Fold that validates, all others being trained on; None takes the dataset's own train and validation
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
        """Refuse names that lead elsewhere, and seeds that generators do not take."""
        checked_name(self.dataset, "dataset")
        checked_name(self.arm, "arm")
        check_seed(self.seed)
