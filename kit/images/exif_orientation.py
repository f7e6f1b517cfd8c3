"""Reads EXIF's orientation, and turns images upright."""

from __future__ import annotations

import struct
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_TAG = 0x0112  # Orientation
_ENTRY = 12  # bytes of a directory's entry
_UPRIGHT = 1
_TURNED = 5  # orientations 5 to 8 exchange height and width

Values = TypeVar("Values", bound=np.generic)


def exif_orientation(block: bytes) -> int:
    """Find the orientation in an EXIF block, with or without "Exif" before it.

    Returns:
        1 to 8; 1 if there is none, or it cannot be read.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        return _find(block, order) if order else _UPRIGHT
    except struct.error:  # truncated
        return _UPRIGHT


def _find(block: bytes, order: str) -> int:
    (start,) = struct.unpack_from(order + "I", block, 4)
    (entries,) = struct.unpack_from(order + "H", block, start)
    for offset in range(start + 2, start + 2 + entries * _ENTRY, _ENTRY):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, offset)
        if tag == _TAG:
            return value if kind == 3 and _UPRIGHT <= value <= 8 else _UPRIGHT  # noqa: PLR2004 (SHORT; EXIF's eight)
    return _UPRIGHT


def swaps_sides(orientation: int) -> bool:
    """Return whether an orientation exchanges height and width."""
    return orientation >= _TURNED


def upright(pixels: NDArray[Values], orientation: int) -> NDArray[Values]:
    """Apply an EXIF orientation to [height, width, channels]; returns a view of `pixels`."""
    turned = pixels.transpose(1, 0, 2) if swaps_sides(orientation) else pixels
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned
