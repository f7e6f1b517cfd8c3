"""Settings of shards: split, folds, balance and duplicates."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from kit.errors import SpecError, require
from kit.specs.image import ImageSpec
from kit.specs.seed import check_seed

MAX_NEAR = 12  # of 64 bits: different images are that close by chance, and thumbnails have to tell them apart


class ShardSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings that determine the bytes of a dataset's shards, together with its images.

    Attributes:
        image: Settings of the stored images.
        split: Shares of train and validation, (0.7, 0.3) by default, or of train, validation and test; they sum to 1.
            "own" keeps the source's own validation split. With folds, only the test share is used.
        folds: Number of equal parts of all images outside test, for cross-validation; validation is fold 0, train the
            others. 0 for none.
        balance: Undersampling: "down" takes as many images of each class as the smallest has; None takes all.
        per_class: Images to take of each class; None takes all.
        near_duplicates: Largest number of the 64 bits in which the perceptual hashes of near-duplicates differ, rotated
            and mirrored ones included; near-duplicates stay in one split and one fold; 0 keeps only equal images
            together. `kit.audit` shows what is found.
        seed: Seed of the split, the folds, undersampling and the order of the records; 0 by default.
    """

    image: ImageSpec = ImageSpec()
    split: tuple[float, ...] = (0.7, 0.3)
    folds: int = 0
    balance: str | None = None
    per_class: int | None = None
    near_duplicates: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse invalid shares, folds and counts."""
        check_seed(self.seed)
        require(
            len(self.split) in {2, 3} and all(share > 0 for share in self.split) and math.isclose(sum(self.split), 1),
            f"split must be two or three shares above 0 that sum to 1, got {self.split}",
        )
        require(self.folds == 0 or self.folds >= 2, f"folds must be 2 or more, got {self.folds}")  # noqa: PLR2004
        require(self.balance in {None, "down"}, f"balance must be down, got '{self.balance}'")
        require(self.per_class is None or self.per_class >= 2, f"per_class must be 2 or more, got {self.per_class}")  # noqa: PLR2004
        require(not (self.balance and self.per_class), "give undersample or per_class, not both")
        require(
            0 <= self.near_duplicates <= MAX_NEAR,
            f"near_bits must be between 0 and {MAX_NEAR}, got {self.near_duplicates}",
        )


def parse_split(text: str) -> tuple[float, ...] | Literal["own"]:
    """Read "70/30" (train/validation) or "70/20/10" (train/validation/test) as shares; "own" stays."""
    if text == "own":
        return "own"
    try:
        percents = [float(part) for part in text.split("/")]
    except ValueError:
        percents = []
    if len(percents) not in {2, 3} or not math.isclose(sum(percents), 100) or min(percents) <= 0:
        raise SpecError(f"split '{text}' must read 70/30, or 70/20/10: shares above 0 that sum to 100; or own")
    return tuple(percent / 100 for percent in percents)
