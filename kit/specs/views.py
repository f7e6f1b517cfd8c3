"""Test-time augmentation: views of an image whose predictions are averaged."""

from __future__ import annotations

from dataclasses import dataclass

from kit.errors import option, require
from kit.specs.augment import AugmentSpec

FLIPS, D4 = "flips", "d4"

_COUNTS = {FLIPS: 4, D4: 8}


@dataclass(frozen=True, slots=True)
class Views:
    """Views of each image.

    Attributes:
        name: "flips" or "d4"; empty for the image alone, or the image and draws of the run's own augmentation.
        count: Number of views, including the unchanged image.
    """

    name: str = ""
    count: int = 1

    def __str__(self) -> str:
        """Return the part of a file name; empty for the image alone."""
        return self.name or (f"{self.count}-views" if self.count > 1 else "")

    def refuse(self, shape: tuple[int, int, int], augment: AugmentSpec) -> None:
        """Refuse views that do not fit a run's images or augmentation.

        Args:
            shape: Height, width and channels of every image.
            augment: Augmentation that the run was trained with.

        Raises:
            SpecError: Quarter turns need square images, or the run has no augmentation to draw from.
        """
        height, width, channels = shape
        require(
            self.name != D4 or height == width,
            f"{option('tta', 'd4')} needs square images, not {height}x{width}; give {option('tta', 'flips')}",
        )
        require(
            bool(self.name) or self.count == 1 or augment.alone.changes(channels),
            f"{option('tta', self.count)} draws from the run's augmentation, and it was trained with none that changes"
            f" a single image; give {option('tta', 'flips')} or d4",
        )


ONE_VIEW = Views()


def parse_views(asked: str | int | None) -> Views:
    """Read "flips", "d4" or a number of views; None stands for the image alone.

    Raises:
        SpecError: The value is none of these.
    """
    text = "1" if asked is None else str(asked)
    if text in _COUNTS:
        return Views(text, _COUNTS[text])
    require(text.isdecimal() and int(text) >= 1, f"tta must be flips, d4, or a number of views, got '{text}'")
    return Views(count=int(text))
