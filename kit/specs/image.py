"""Settings by which source images are stored."""

from __future__ import annotations

import re
from numbers import Integral
from typing import Any, Literal

import msgspec

from kit.errors import SpecError, require

MAX_SIDE = 16_384  # pixels; larger than any scanner's field of view that a network sees whole

Fit = Literal["crop", "pad", "stretch"]

_SCALE = re.compile(r"none|minmax|percentile:(?P<low>\d+(?:\.\d+)?),(?P<high>\d+(?:\.\d+)?)")
_ENCODING = re.compile(r"(?P<name>auto|keep|raw|png|jpeg)(?::(?P<quality>\d+))?")
_QUALITY = 90  # of 100: a tenth of the raw bytes, with a loss that networks do not notice


class ImageSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings by which a source image is decoded, resized and encoded as the bytes of a record.

    Attributes:
        size: Height and width of every image in pixels: 64, (240, 320) or "240x320"; None keeps each image's own.
        fit: Adjustment of images to the wanted shape: "crop" cuts the largest centred rectangle of that shape, "pad"
            adds black borders, "stretch" distorts.
        channels: 3 for RGB, 1 for grey.
        scale: Mapping of more than 8 bits to 8. "none" divides integers by their full range and takes floats from 0 to
            1; "minmax" takes each image's own range; "percentile:1,99" the range between two of its percentiles.
        page: Page of files with several, counted from 0.
        bands: Channels of a TIFF or an array to use, counted from 0: three for red, green and blue, or one; without
            any, grey or RGB as marked in the file.
        encoding: Format of the stored images: "auto" stores small ones raw, keeps the bytes of JPEGs and PNGs that
            need no change, and writes PNG otherwise; "keep" keeps the bytes whenever possible; "raw", "png" and
            "jpeg:90" store every image in that format.
    """

    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: Literal[1, 3] = 3
    scale: str = "none"
    page: int = 0
    bands: tuple[int, ...] = ()
    encoding: str = "auto"

    def __post_init__(self) -> None:
        """Refuse values out of range, and unknown names."""
        if self.size is not None:
            require(
                all(1 <= side <= MAX_SIDE for side in self.size),
                f"size must be between 1 and {MAX_SIDE} pixels, got {self.size[0]}x{self.size[1]}",
            )
        require(self.fit in {"crop", "pad", "stretch"}, f"fit must be one of crop, pad, stretch, got '{self.fit}'")
        require(self.channels in {1, 3}, f"channels must be 1 or 3, got {self.channels}")
        is_choice = len(self.bands) in {0, 1, 3} and all(band >= 0 for band in self.bands)
        require(is_choice, f"bands must be one channel or three, counted from 0, got {self.bands}")
        require(self.page >= 0, f"page must be 0 or more, got {self.page}")
        require(
            _SCALE.fullmatch(self.scale) is not None and self._has_range(),
            f"scale must be none, minmax or percentile:1,99, got '{self.scale}'",
        )
        found = _ENCODING.fullmatch(self.encoding)
        fits = found is not None and (found["quality"] is None or found["name"] == "jpeg")
        require(
            fits and 1 <= self.quality <= 100,  # noqa: PLR2004 (libjpeg's scale)
            f"encoding must be auto, keep, raw, png, jpeg or jpeg:90, got '{self.encoding}'",
        )

    @property
    def percentiles(self) -> tuple[float, float] | None:
        """Percentiles of the pixels that "minmax" or "percentile:…" maps to 0 and 255; None for "none"."""
        if self.scale == "minmax":
            return 0.0, 100.0
        found = _SCALE.fullmatch(self.scale)
        return (float(found["low"]), float(found["high"])) if found and found["low"] else None

    @property
    def quality(self) -> int:
        """JPEG quality, 1 to 100."""
        found = _ENCODING.fullmatch(self.encoding)
        return int(found["quality"]) if found and found["quality"] else _QUALITY

    def _has_range(self) -> bool:
        low, high = self.percentiles or (0.0, 100.0)
        return 0 <= low < high <= 100  # noqa: PLR2004 (percent)


def parse_bands(text: str) -> tuple[int, ...]:
    """Read "3,2,1" as the fourth, third and second channel."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SpecError(f"bands '{text}' must read 0, or 3,2,1: channels counted from 0") from None


def parse_size(text: str) -> tuple[int, int]:
    """Read "32" as 32x32 and "240x320" as height 240, width 320."""
    if not (found := re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip())):
        raise SpecError(f"size '{text}' must read 32, or 240x320 (height x width)")
    height, width = found.groups()
    return int(height), int(width or height)


def read_size(value: object) -> tuple[int, int]:
    """Read a size given as 32, (240, 320) or text.

    Raises:
        SpecError: The value is none of these.

    >>> read_size(32), read_size((240, 320)), read_size("240x320")
    ((32, 32), (240, 320), (240, 320))
    """
    if isinstance(value, str):
        return parse_size(value)
    sides: list[Any] = list(value) if isinstance(value, tuple | list) else [value, value]
    if len(sides) != 2 or not all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides):  # noqa: PLR2004
        raise SpecError(f"size must read 32, (240, 320) or '240x320' (height x width), got {value!r}")
    return int(sides[0]), int(sides[1])


def size_text(height: int, width: int) -> str:
    """Write a size so that `parse_size` reads it.

    >>> size_text(32, 32), size_text(240, 320)
    ('32', '240x320')
    """
    return str(height) if height == width else f"{height}x{width}"
