"""Assembles the strips or tiles of a TIFF page."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from kit.images.header import ImageHeader
from kit.images.parts import Part
from kit.images.samples import Values


def assemble(header: ImageHeader, parts: list[Part], decoded: Iterable[Values]) -> Values:
    """Assemble an image from its parts.

    Args:
        header: Header of the page.
        parts: Parts in the file's order: row by row, plane by plane.
        decoded: [part.height, part.width, part.channels] each.

    Returns:
        [height, width, channels] of the first part's type, in the machine's byte order.
    """
    first = parts[0]
    planes = header.channels // first.channels
    across = -(-header.width // first.width)
    page: Values = np.empty(0)
    for number, values in enumerate(decoded):
        if not number:
            page = np.empty((header.height, header.width, header.channels), values.dtype.newbyteorder("="))
        plane, index = divmod(number, len(parts) // planes)
        top, left = index // across * first.height, index % across * first.width
        wanted = page[top : top + first.height, left : left + first.width, plane * first.channels :]
        wanted[..., : first.channels] = values[: wanted.shape[0], : wanted.shape[1]]
    return page


def undo_predictor(values: Values) -> Values:
    """Add up horizontal differences, with integer overflow: libtiff's predictor 2."""
    bits = np.dtype(f"u{values.dtype.itemsize}")
    whole = values.astype(values.dtype.newbyteorder("="), copy=False)
    return np.cumsum(whole.view(bits), axis=1, dtype=bits).view(whole.dtype)
