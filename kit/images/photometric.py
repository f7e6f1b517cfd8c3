"""Converts the samples of a TIFF page to RGB or grey by its photometric tag."""

from __future__ import annotations

import numpy as np

from kit.images import tiff_tags as tags
from kit.images.header import ImageHeader
from kit.images.ifd import Directory
from kit.images.image_error import ImageError, damaged
from kit.images.samples import Samples, Values

_ALPHA = {1, 2}  # values of ExtraSamples: associated, unassociated; 0 is unspecified
_CMYK = 1  # value of InkSet
_RGB_CHANNELS, _CMYK_CHANNELS = 3, 4


def to_samples(values: Values, page: Directory, header: ImageHeader, bands: tuple[int, ...] = ()) -> Samples:
    """Convert a page's samples to RGB or grey, with black as the lowest value.

    Alpha is dropped, not composited: the stored colours are kept.

    Args:
        values: Stored samples, [height, width, channels]; JPEG's YCbCr already as RGB.
        page: Tags of the page.
        header: Header of the page.
        bands: Channels to use unchanged, regardless of the tag.

    Raises:
        ImageError: There are no such channels, or the page is neither grey, RGB, palette, CMYK nor JPEG's YCbCr.
    """
    if values.dtype.kind not in "buif":
        raise ImageError(f"holds {'complex numbers' if values.dtype.kind == 'c' else values.dtype}, not brightness")
    values = values.view(np.uint8) if values.dtype == np.bool_ else values
    whole = values.dtype.itemsize * 8
    bits = header.bits if len(set(page.numbers(tags.BITS))) <= 1 and header.bits <= whole else whole
    if bands:
        return Samples(chosen(values, bands), bits)
    match photometric(page):
        case tags.MIN_IS_BLACK:
            return Samples(_grey(values, page), bits)
        case tags.MIN_IS_WHITE:
            return Samples(_inverted(_grey(values, page), bits), bits)
        case tags.RGB | tags.YCBCR if values.shape[2] >= _RGB_CHANNELS:
            return Samples(_without_alpha(values, page, _RGB_CHANNELS), bits)
        case tags.INDEXED:
            return Samples(_looked_up(values[..., 0], page))
        case tags.SEPARATED if page.number(tags.INK_SET, _CMYK) == _CMYK and values.shape[2] >= _CMYK_CHANNELS:
            return Samples(_from_cmyk(_without_alpha(values, page, _CMYK_CHANNELS), bits), bits)
        case foreign if foreign in tags.FOREIGN_COLOURS:
            raise ImageError(f"holds {tags.FOREIGN_COLOURS[foreign]}; kit takes grey, RGB, palette, CMYK and YCbCr")
        case other:
            raise ImageError(f"has {values.shape[2]} channels of photometric kind {other}, which kit does not know")


def chosen(values: Values, bands: tuple[int, ...]) -> Values:
    """Select channels by index.

    Raises:
        ImageError: There are fewer channels.
    """
    if max(bands) >= values.shape[2]:
        raise ImageError(f"has {values.shape[2]} channels, counted from 0; there is no channel {max(bands)}")
    return values[..., list(bands)]


def photometric(page: Directory) -> int:
    """Return the photometric interpretation; if the tag is missing, guessed from the number of channels."""
    if tags.PHOTOMETRIC in page:
        return page.number(tags.PHOTOMETRIC, tags.MIN_IS_BLACK)
    colour = tags.YCBCR if page.number(tags.COMPRESSION, tags.PLAIN) in tags.JPEGS else tags.RGB
    return colour if page.number(tags.CHANNELS, 1) >= _RGB_CHANNELS else tags.MIN_IS_BLACK


def is_alpha_beyond(page: Directory, channels: int, colours: int) -> bool:
    """Return whether all channels after the first `colours` are marked as alpha; true if there are none."""
    extra = page.numbers(tags.EXTRA_SAMPLES)
    return channels == colours or (len(extra) == channels - colours and _ALPHA.issuperset(extra))


def _without_alpha(values: Values, page: Directory, colours: int) -> Values:
    """Drop alpha; other additional channels are refused, never dropped silently."""
    channels = values.shape[2]
    if not is_alpha_beyond(page, channels, colours):
        raise ImageError(
            f"has {channels} channels, of which those after the first {colours} are not marked as alpha; choose some,"
            " as with bands 0,1,2"
        )
    return values[..., :colours]


def _grey(values: Values, page: Directory) -> Values:
    channels = values.shape[2]
    if is_alpha_beyond(page, channels, 1):
        return values[..., :1]
    which = "0" if channels < _RGB_CHANNELS else "0,1,2"
    raise ImageError(f"has {channels} channels that are neither RGB nor alpha; choose some, as with bands {which}")


def _inverted(values: Values, bits: int) -> Values:
    if values.dtype.kind == "f":
        return 1 - values
    if values.dtype.kind == "i":
        return np.invert(values)
    return np.subtract((1 << bits) - 1, values, dtype=values.dtype)


def _looked_up(indices: Values, page: Directory) -> Values:
    """Replace indices by their colours: uint8 RGB."""
    palette = page.numbers(tags.PALETTE)
    if not palette or len(palette) % 3:
        raise damaged("TIFF", "has a palette image without its palette")
    colours: Values = np.array(palette, np.uint16).reshape(3, -1).T
    if int(indices.max()) >= len(colours):
        raise damaged("TIFF", f"uses colour {indices.max()} of a palette of {len(colours)}")
    if colours.max() > 255:  # noqa: PLR2004 (some programs write 8 bits where the specification says 16)
        colours = colours >> 8
    return colours.astype(np.uint8)[indices]


def _from_cmyk(values: Values, bits: int) -> Values:
    """Multiply the transmittances of each ink and black; no colour profile is applied."""
    full = 1.0 if values.dtype.kind == "f" else float((1 << bits) - 1)
    light = 1 - values[..., :_CMYK_CHANNELS].astype(np.float64) / full
    rgb = light[..., :3] * light[..., 3:] * full
    return rgb if values.dtype.kind == "f" else np.rint(rgb).astype(values.dtype)
