"""How a source becomes shards."""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from kit.errors import SpecError
from kit.specs.settings import MAX_SEED, require

MAX_SIDE = 16_384  # pixels; larger than any scanner's field of view that a network sees whole


class ShardSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides the bytes of a dataset's shards, besides its images.

    Attributes:
        size: height and width in pixels that every image gets; None keeps each image's own.
        channels: 3 stores RGB, 1 stores grey.
        split: shares of train and validation, or of train, validation and test; they sum to 1.
        seed: decides the split and the order of the records.
    """

    size: tuple[int, int] | None = None
    channels: Literal[1, 3] = 3
    split: tuple[float, ...] = (0.7, 0.3)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes and shares that cannot be."""
        if self.size is not None:
            require(
                all(1 <= side <= MAX_SIDE for side in self.size),
                f"size must be between 1 and {MAX_SIDE} pixels, got {self.size[0]}x{self.size[1]}",
            )
        require(0 <= self.seed < MAX_SEED, f"seed must be in [0, {MAX_SEED}), got {self.seed}")
        require(self.channels in {1, 3}, f"channels must be 1 or 3, got {self.channels}")
        require(
            len(self.split) in {2, 3} and all(share > 0 for share in self.split) and math.isclose(sum(self.split), 1),
            f"split must be two or three shares above 0 that sum to 1, got {self.split}",
        )


def parse_size(text: str) -> tuple[int, int]:
    """Read "32" as 32x32 and "240x320" as height 240, width 320."""
    if not (found := re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())):
        raise SpecError(f"size '{text}' must read 32, or 240x320 (height x width)")
    height, width = found.groups()
    return int(height), int(width or height)


def parse_split(text: str) -> tuple[float, ...]:
    """Read "70/30" (train/validation) or "70/20/10" (train/validation/test) as shares."""
    try:
        percents = [float(part) for part in text.split("/")]
    except ValueError:
        percents = []
    if len(percents) not in {2, 3} or not math.isclose(sum(percents), 100) or min(percents) <= 0:
        raise SpecError(f"split '{text}' must read 70/30, or 70/20/10: shares above 0 that sum to 100")
    return tuple(percent / 100 for percent in percents)
