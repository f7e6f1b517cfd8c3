"""Data settings of a recipe."""

from __future__ import annotations

import msgspec

from kit.specs.image import Fit, ImageSpec, parse_size
from kit.specs.shard import ShardSpec
from kit.specs.source import checked_splits


class DataSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings by which a recipe's images are made into a dataset.

    `ImageSpec`, `ShardSpec` and `SourceSpec` are what they become.

    Attributes:
        size: "32", or "240x320" (height x width); empty keeps each image's own.
        fit: Adjustment of images to the wanted shape.
        channels: 3 for RGB, 1 for grey.
        class_from: Regular expression that finds the class in a file's name; empty takes folders or a label file.
        merge_splits: Whether train, val and test folders are merged and divided anew by `split`.
        ignore_splits: Splits of the source to leave out: train, val or test.
        group: Regular expression that finds the group in a file's name, or a column of the label file; empty for none.
        split: Shares of train and validation, or of train, validation and test.
        folds: Number of folds for cross-validation; 0 for none.
        balance: Undersampling: "down" takes as many images of each class as the smallest has; empty takes all.
        per_class: Images taken of each class; 0 takes all.
        seed: Seed of all random choices.
        classes: Classes of the published data, sorted.
    """

    size: str = ""
    fit: Fit = "crop"
    channels: int = 3
    class_from: str = ""
    merge_splits: bool = False
    ignore_splits: tuple[str, ...] = ()
    group: str = ""
    split: tuple[float, ...] = (0.7, 0.3)
    folds: int = 0
    balance: str = ""
    per_class: int = 0
    seed: int = 0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse settings that no dataset can have."""
        checked_splits(self.ignore_splits)
        self.shard_spec()

    def shard_spec(self) -> ShardSpec:
        """Convert to the settings of shards."""
        return ShardSpec(
            image=ImageSpec(
                size=parse_size(self.size) if self.size else None,
                fit=self.fit,
                channels=self.channels,  # type: ignore[arg-type]  # ImageSpec refuses others
            ),
            split=self.split,
            folds=self.folds,
            balance=self.balance or None,
            per_class=self.per_class or None,
            seed=self.seed,
        )

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of every image; None if the images keep their own sizes."""
        return (*parse_size(self.size), self.channels) if self.size else None
