"""Strips and tiles of a TIFF page, and a check that the file holds them all."""

from __future__ import annotations

from typing import NamedTuple

from kit.images import tiff_tags as tags
from kit.images.header import ImageHeader, check_size
from kit.images.ifd import Directory
from kit.images.image_error import ImageError, damaged

TOGETHER = 1  # value of PLANAR: interleaved channels


class Segment(NamedTuple):
    """A strip or tile.

    Attributes:
        start: Offset in the file, bytes.
        size: Size, bytes; 0 if the file does not give it.
        height: Number of rows; those of a tile may extend beyond the image's edge.
        width: Number of columns; those of a tile may extend beyond the image's edge.
        channels: Number of channels of each pixel.
    """

    start: int
    size: int
    height: int
    width: int
    channels: int


def find_segments(page: Directory, header: ImageHeader, end: int) -> list[Segment]:
    """List a page's strips or tiles in order, plane by plane.

    Args:
        page: Tags of the page.
        header: Size and channels of the page.
        end: Size of the file, bytes.

    Raises:
        ImageError: A segment is missing, empty, or beyond the end: a decoder might fill it silently.
    """
    if (depth := page.number(tags.DEPTH, 1)) > 1:
        raise ImageError(f"holds a volume of {depth} slices, not an image")
    shapes = _shapes(page, header)
    starts = page.numbers(tags.TILES) or page.numbers(tags.STRIPS)
    sizes = page.numbers(tags.TILE_BYTES) or page.numbers(tags.STRIP_BYTES) or (0,) * len(starts)
    if min(len(starts), len(sizes)) < len(shapes):
        raise damaged("TIFF", f"lists {len(starts)} of the {len(shapes)} parts that its pixels are cut into")
    segments = [Segment(start, size, *shape) for start, size, shape in zip(starts, sizes, shapes, strict=False)]
    is_open = page.number(tags.COMPRESSION, tags.PLAIN) in tags.FAX or tags.STRIP_BYTES not in page
    for number, segment in enumerate(segments):
        if not segment.size and not (is_open and tags.TILES not in page):
            raise damaged("TIFF", f"part {number} of the {len(segments)} that its pixels are cut into is empty")
        if segment.start + segment.size > end:
            raise damaged("TIFF", f"its pixels end at byte {segment.start + segment.size:,}, the file at {end:,}")
    return segments


def _shapes(page: Directory, header: ImageHeader) -> list[tuple[int, int, int]]:
    """List the height, width and channels of every segment."""
    is_together = page.number(tags.PLANAR, TOGETHER) == TOGETHER
    planes, channels = (1, header.channels) if is_together else (header.channels, 1)
    if tags.TILE_WIDTH in page:
        height, width = page.number(tags.TILE_HEIGHT, 0), page.number(tags.TILE_WIDTH, 0)
        check_size(height, width)
        count = -(-header.height // height) * -(-header.width // width)
        _check_count(page, planes * count)
        return [(height, width, channels)] * (planes * count)
    rows = min(page.number(tags.STRIP_ROWS, 0) or header.height, header.height)
    _check_count(page, planes * -(-header.height // rows))
    heights = [min(rows, header.height - top) for top in range(0, header.height, rows)]
    return [(height, header.width, channels) for _ in range(planes) for height in heights]


def _check_count(page: Directory, needed: int) -> None:
    """Refuse a page that needs more segments than are listed, before a list of them is made."""
    listed = len(page.numbers(tags.TILES) or page.numbers(tags.STRIPS))
    if listed < needed:
        raise damaged("TIFF", f"lists {listed:,} of the {needed:,} parts that its pixels are cut into")
