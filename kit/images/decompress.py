"""Decompresses the segments of a TIFF page.

LZW and JPEG are decoded here instead of by tifffile, which would pass them to imagecodecs: its LZW, and its fallback
for JPEG (ljpeg), read beyond their buffers if a file is damaged, and crash the process (imagecodecs 2026.3.6).
libtiff, inside OpenCV, and libjpeg-turbo refuse such files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from itertools import accumulate

import numpy as np

from kit.images import opencv
from kit.images import tiff_tags as tags
from kit.images.ifd import Directory
from kit.images.image_error import damaged
from kit.images.jpeg import JpegFile
from kit.images.photometric import photometric
from kit.images.samples import Values
from kit.images.segments import TOGETHER, Segment

_WIDEST = 1 << 20  # pixels of a row, OpenCV's limit
_LONG8 = 16  # type of a tag: 64 bits
_GREY_SPACE, _RGB_SPACE, _CMYK_SPACE = 1, 2, 4  # imagecodecs' numbers


def unpack_bytes(data: bytes, segment: Segment, page: Directory, size: int) -> bytes:
    """Decompress a segment that is uncompressed, or compressed with deflate or LZW.

    Args:
        data: Bytes of the file.
        segment: Strip or tile.
        page: Tags of the page.
        size: Expected number of bytes.

    Raises:
        ImageError: The segment is damaged, or has fewer bytes.
    """
    packed = data[segment.start : segment.start + segment.size] if segment.size else data[segment.start :]
    match page.number(tags.COMPRESSION, tags.PLAIN):
        case tags.LZW:
            return _unpack_lzw(packed, size, segment.height, page.number(tags.FILL_ORDER, 1))
        case tags.PLAIN:
            plain = packed[:size]
        case _:
            try:
                plain = zlib.decompressobj().decompress(packed, size + 1)[:size]
            except zlib.error as error:
                raise damaged("TIFF", "its deflate data cannot be decoded") from error
    if len(plain) < size:
        raise damaged("TIFF", f"a part of its pixels has {len(plain):,} bytes, where {size:,} are due")
    return plain


def _unpack_lzw(packed: bytes, size: int, height: int, fill_order: int) -> bytes:
    """Decode the bytes as grey pixels, with libtiff.

    They are declared as 16-bit pixels, because OpenCV returns damaged pages of 8 bits without an error, and refuses
    damaged ones of 16 bits. An odd byte or row is taken from an 8-bit page.
    """
    width = size // height
    shape = (height, width // 2) if width % 2 == 0 else (height // 2, width)
    shape = (1, size // 2) if size <= 2 * _WIDEST else shape
    plain = _grey_page(packed, shape, 16, fill_order) if min(shape) else b""
    return plain if len(plain) == size else plain + _grey_page(packed, (height, width), 8, fill_order)[len(plain) :]


def _grey_page(packed: bytes, shape: tuple[int, int], bits: int, fill_order: int) -> bytes:
    page = {
        tags.WIDTH: (shape[1],),
        tags.HEIGHT: (shape[0],),
        tags.BITS: (bits,),
        tags.COMPRESSION: (tags.LZW,),
        tags.PHOTOMETRIC: (tags.MIN_IS_BLACK,),
        tags.FILL_ORDER: (fill_order,),
        tags.CHANNELS: (1,),
        tags.STRIP_ROWS: (shape[0],),
    }
    values = opencv.imdecode(write_page(page, [packed], (tags.STRIPS, tags.STRIP_BYTES), "<"), opencv.UNCHANGED)
    if values is None or values.shape != (*shape, 1) or values.dtype.itemsize * 8 != bits:
        raise damaged("TIFF", "its LZW data cannot be decoded")
    return values.tobytes()


def unpack_jpeg(data: bytes, segment: Segment, page: Directory) -> Values:
    """Decode a JPEG segment.

    Returns:
        Uint8 or uint16 [segment.height, segment.width, segment.channels], YCbCr as RGB; black beyond the page's edge.

    Raises:
        ImageError: The file is damaged.
    """
    import imagecodecs  # noqa: PLC0415 (slow to import, and few files need it)

    packed = data[segment.start : segment.start + segment.size]
    header = JpegFile(packed).header
    due = (segment.channels, page.number(tags.BITS, 8))
    if (header.channels, header.bits) != due:
        raise damaged("TIFF", f"a part has {header.channels} x {header.bits} bits, where {due[0]} x {due[1]} are due")
    stored, wanted = _spaces(page, is_jfif=b"JFIF" in packed[:32])
    tables = bytes(page.numbers(tags.JPEG_TABLES)) or None
    try:
        values = imagecodecs.jpeg8_decode(packed, tables=tables, colorspace=stored, outcolorspace=wanted)
    except Exception as error:  # any error of the codec on a damaged file
        raise damaged("TIFF", f"its JPEG data cannot be decoded ({header.bits} bits)") from error
    values = values.reshape(*values.shape[:2], -1)[: segment.height, : segment.width]
    is_whole = values.shape == segment[2:]
    if values.shape[2] != segment.channels or not (is_whole or tags.TILES in page):
        raise damaged("TIFF", "its JPEG data have another size than the page")
    missing = [(0, full - present) for full, present in zip(segment[2:], values.shape, strict=True)]
    return np.pad(values, missing)  # a tile may be cut at the page's edge


def _spaces(page: Directory, *, is_jfif: bool) -> tuple[int | None, int | None]:
    """Choose libjpeg's input and output colour spaces; None follows the markers."""
    if page.number(tags.PLANAR, TOGETHER) != TOGETHER:
        return None, _GREY_SPACE
    if page.numbers(tags.EXTRA_SAMPLES):
        return None, None
    match photometric(page):
        case tags.YCBCR:
            return None, _RGB_SPACE
        case tags.RGB:  # without a marker, libjpeg would assume YCbCr
            return None if is_jfif else _RGB_SPACE, _RGB_SPACE
        case tags.SEPARATED:
            return None, _CMYK_SPACE
        case _:
            return None, None


def write_page(
    found: Mapping[int, tuple[int, ...]], pixels: list[bytes], offsets: tuple[int, int], order: str
) -> bytes:
    """Write a BigTIFF of one page: header, directory, external values, pixels.

    Args:
        found: Integers by tag.
        pixels: Strips or tiles.
        offsets: Tags of the segments' starts and sizes.
        order: "<" or ">".
    """
    sizes = tuple(len(segment) for segment in pixels)
    values = {**found, offsets[0]: sizes, offsets[1]: sizes}  # placeholder of the same length for the starts
    beside = 16 + 8 + 20 * len(values) + 8
    start = beside + sum(8 * len(value) for value in values.values() if len(value) > 1)
    values[offsets[0]] = tuple(accumulate(sizes[:-1], initial=start))
    entries, distant = b"", b""
    for tag, value in sorted(values.items()):
        packed = struct.pack(f"{order}{len(value)}Q", *value)
        entry = struct.pack(f"{order}HHQ", tag, _LONG8, len(value))
        entries += entry + (packed if len(value) == 1 else struct.pack(f"{order}Q", beside + len(distant)))
        distant += packed if len(value) > 1 else b""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HHHQQ", 43, 8, 0, 16, len(values))
    return b"".join((head, entries, bytes(8), distant, *pixels))
