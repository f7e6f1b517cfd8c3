"""Assembles the strips or tiles of a TIFF page."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kit.images.header import ImageHeader
from kit.images.samples import Values
from kit.images.segments import Segment


def assemble(header: ImageHeader, segments: list[Segment], decoded: Iterable[Values]) -> Values:
    """Assemble an image from its segments.

    Args:
        header: Header of the page.
        segments: Segments in the file's order: row by row, plane by plane.
        decoded: [segment.height, segment.width, segment.channels] each.

    Returns:
        [height, width, channels] of the first segment's type, in the machine's byte order.
    """
    first = segments[0]
    planes = header.channels // first.channels
    across = -(-header.width // first.width)
    page: Values = np.empty(0)
    for number, values in enumerate(decoded):
        if not number:
            page = np.empty((header.height, header.width, header.channels), values.dtype.newbyteorder("="))
        plane, index = divmod(number, len(segments) // planes)
        top, left = index // across * first.height, index % across * first.width
        wanted = page[top : top + first.height, left : left + first.width, plane * first.channels :]
        wanted[..., : first.channels] = values[: wanted.shape[0], : wanted.shape[1]]
    return page


def undo_predictor(values: Values) -> Values:
    """Add up horizontal differences, with integer overflow: libtiff's predictor 2."""
    bits = np.dtype(f"u{values.dtype.itemsize}")
    whole = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.cumsum(whole.view(bits), axis=1, dtype=bits).view(whole.dtype)
