"""Decoding with tifffile, for pages that kit does not unpack itself: odd numbers of bits, fax, rare codecs."""

from __future__ import annotations

import io
import logging
import warnings
import zlib

from kit.images import tiff_tags as tags
from kit.images.decompress import unpack_bytes, write_page
from kit.images.ifd import LAYOUTS, Directory, Layout
from kit.images.samples import Values
from kit.images.segments import Segment

_COPIED = (
    tags.WIDTH,
    tags.HEIGHT,
    tags.BITS,
    tags.CHANNELS,
    tags.STRIP_ROWS,
    tags.PLANAR,
    tags.PREDICTOR,
    tags.TILE_WIDTH,
    tags.TILE_HEIGHT,
    tags.EXTRA_SAMPLES,
    tags.SAMPLE_FORMAT,
)


def read_page(data: bytes, page: Directory, segments: list[Segment]) -> Values:
    """Decode a page with tifffile.

    Returns:
        Stored samples, [height, width, channels].

    Raises:
        ImageError: The LZW data are damaged.
        Exception: Tifffile or a codec failed; any type.
    """
    layout = LAYOUTS[data[:4]]
    is_lzw = page.number(tags.COMPRESSION, tags.PLAIN) == tags.LZW
    return _read_first(_without_lzw(data, page, segments, layout) if is_lzw else _alone(data, page, layout))


def _read_first(data: bytes) -> Values:
    """Decode the first page with tifffile to its stored samples, [height, width, channels]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tifffile import TiffFile as Reader  # noqa: PLC0415 (slow to import, and few files need it)

        log = logging.getLogger("tifffile")
        was = log.disabled
        log.disabled = True
        try:
            with Reader(io.BytesIO(data)) as file:
                values = file.pages[0].asarray(squeeze=False, maxworkers=1)
        finally:
            log.disabled = was
    planes, _, height, width, channels = values.shape
    return values[:, 0].transpose(1, 2, 0, 3).reshape(height, width, planes * channels)


def _alone(data: bytes, page: Directory, layout: Layout) -> bytes:
    """Make `page` the only one, so that tifffile reads no other."""
    changed = bytearray(data)
    layout.offset.pack_into(changed, layout.start, page.start)
    if page.end + layout.offset.size <= len(data):
        layout.offset.pack_into(changed, page.end, 0)
    return bytes(changed)


def _without_lzw(data: bytes, page: Directory, segments: list[Segment], layout: Layout) -> bytes:
    """Rewrite the page with its segments in deflate at level 0 instead of LZW."""
    found = {tag: page.numbers(tag) for tag in _COPIED if tag in page}
    found |= {tags.COMPRESSION: (min(tags.DEFLATES),), tags.PHOTOMETRIC: (tags.MIN_IS_BLACK,)}
    bits = max(page.numbers(tags.BITS), default=1)
    sizes = [segment.height * -(-segment.width * segment.channels * bits // 8) for segment in segments]
    plain = [unpack_bytes(data, segment, page, size) for segment, size in zip(segments, sizes, strict=True)]
    offsets = (tags.TILES, tags.TILE_BYTES) if tags.TILES in page else (tags.STRIPS, tags.STRIP_BYTES)
    return write_page(found, [zlib.compress(segment, 0) for segment in plain], offsets, layout.order)
