"""TIFF files of all kinds.

Uncompressed 8-bit pages are viewed without copying: a 96x96 patch takes a few microseconds. Fax, and channels of whole
bytes that are uncompressed, or compressed with deflate, LZW or JPEG, are unpacked and assembled here; tifffile decodes
everything else. `photometric` converts the samples to RGB or grey. OpenCV is used for YCbCr only: it decodes damaged
8-bit TIFFs partially, without an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kit.images import opencv
from kit.images import tiff_tags as tags
from kit.images.assemble import assemble, undo_predictor
from kit.images.decompress import unpack_bytes, unpack_jpeg
from kit.images.exif_orientation import upright
from kit.images.fax import unpack_fax
from kit.images.header import ImageHeader, check_size
from kit.images.ifd import LAYOUTS, count_pages, find_page
from kit.images.image_error import ImageError, damaged
from kit.images.photometric import is_alpha_beyond, photometric, to_samples
from kit.images.samples import Pixels, Samples, Values
from kit.images.segments import TOGETHER, Segment, find_segments
from kit.images.signature import Kind
from kit.images.through_tifffile import read_page
from kit.specs import ImageSpec

_BYTE = 8  # bits
_OWN_CODECS = frozenset({tags.PLAIN, tags.LZW}) | tags.DEFLATES
_LETTERS = {tags.UNSIGNED: "u", tags.SIGNED: "i", tags.FLOAT: "f", tags.UNDEFINED: "u"}
_THREE_BYTES = 24  # bits
_TYPES = {"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16", "f32", "f64"}  # letter and bits
_DIFFERENCES = 2  # of PREDICTOR
_VIEWED = {(tags.MIN_IS_BLACK, 1), (tags.RGB, 3), (tags.RGB, 4)}  # photometric, channels
_COLOURS = 3  # channels of RGB
_INTEGERS = {tags.UNSIGNED}


class TiffFile:
    """One page of a TIFF.

    Attributes:
        header: Header of the page.
    """

    __slots__ = ("_bits", "_data", "_page", "_tags", "header")

    def __init__(self, data: bytes, kind: Kind, page: int) -> None:
        self._data = data
        self._page = page
        self._tags = found = find_page(data, page)
        form = found.number(tags.SAMPLE_FORMAT, tags.UNSIGNED)
        orientation = found.number(tags.ORIENTATION, 1)
        self._bits = bits = found.numbers(tags.BITS) or (1,)
        self.header = ImageHeader(
            kind=kind,
            height=found.number(tags.HEIGHT, 0),
            width=found.number(tags.WIDTH, 0),
            channels=found.number(tags.CHANNELS, len(bits)),
            bits=max(bits),
            is_float=form == tags.FLOAT,
            is_signed=form == tags.SIGNED,
            orientation=orientation if 1 <= orientation <= 8 else 1,  # noqa: PLR2004 (TIFF's eight)
        )
        check_size(self.header.height, self.header.width, self.header.channels, self.header.bits)

    def pages(self) -> int:
        """Number of the file's pages."""
        return count_pages(self._data)

    def kept_as(self, channels: int) -> None:
        """Return None: readers of shards do not read TIFF."""
        del channels

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode the page, upright.

        Raises:
            ImageError: The file is damaged, or of a kind that cannot be decoded.
        """
        if not spec.bands and (plain := self._view()) is not None:
            return Samples(plain)
        segments = find_segments(self._tags, self.header, len(self._data))
        samples = self._decode(segments, spec.bands)
        return Samples(upright(samples.values, self.header.orientation), samples.bits)

    def _view(self) -> Pixels | None:
        """View the pixels in the file's bytes: uint8 [height, width, 1 or 3]; None if they must be decoded."""
        page, header = self._tags, self.header
        if not self._is_viewable() or page.number(tags.PREDICTOR, 1) != 1 or tags.TILES in page:
            return None
        starts, sizes = page.numbers(tags.STRIPS), page.numbers(tags.STRIP_BYTES)
        if len(starts) != len(sizes) or (len(starts) != 1 and not _follow_each_other(starts, sizes)):
            return None
        need = header.height * header.width * header.channels
        if sum(sizes) < need:
            return None
        if starts[0] + need > len(self._data):
            raise damaged("TIFF", f"its pixels end at byte {starts[0] + need:,}, the file at {len(self._data):,}")
        shape = (header.height, header.width, header.channels)
        pixels: Pixels = np.frombuffer(self._data, np.uint8, need, starts[0]).reshape(shape)
        return pixels[..., :3]

    def _is_viewable(self) -> bool:
        """Return whether the page holds upright grey or RGB pixels, uncompressed, contiguous, a byte a channel."""
        page, header = self._tags, self.header
        number = page.number
        return (
            header.bits == _BYTE
            and header.orientation == 1
            and number(tags.COMPRESSION, tags.PLAIN) == tags.PLAIN
            and (number(tags.PHOTOMETRIC, -1), header.channels) in _VIEWED
            and (header.channels <= _COLOURS or is_alpha_beyond(page, header.channels, _COLOURS))
            and number(tags.PLANAR, TOGETHER) == TOGETHER
            and number(tags.FILL_ORDER, 1) == 1
            and number(tags.DEPTH, 1) == 1
            and self._bits == (header.bits,) * header.channels
            and (tags.SAMPLE_FORMAT not in page or set(page.numbers(tags.SAMPLE_FORMAT)) <= _INTEGERS)
        )

    def _decode(self, segments: list[Segment], bands: tuple[int, ...]) -> Samples:
        """Decode with the decoder for the page's compression and type."""
        page, header = self._tags, self.header
        codec = page.number(tags.COMPRESSION, tags.PLAIN)
        is_ycbcr = photometric(page) == tags.YCBCR
        if is_ycbcr and codec == tags.PLAIN and not self._page and header.orientation == 1:
            return Samples(self._by_opencv())
        if codec in tags.JPEGS:
            if not self._data.startswith(b"\xff\xd8", segments[0].start):  # old-style: tables here, pixels there
                raise self._undecoded(codec)
            values = assemble(header, segments, (unpack_jpeg(self._data, segment, page) for segment in segments))
        elif codec in tags.FAX:
            values = assemble(header, segments, (unpack_fax(self._data, segment, page) for segment in segments))
        elif is_ycbcr:
            raise ImageError("holds YCbCr colours without JPEG compression; save it as RGB")
        elif header.bits == _THREE_BYTES and not header.is_float:
            values = assemble(header, segments, (self._unpack_24_bits(segment, codec) for segment in segments))
        elif codec in _OWN_CODECS and (kind := self._type()) and page.number(tags.FILL_ORDER, 1) == 1:
            values = assemble(header, segments, (self._unpack(segment, np.dtype(kind)) for segment in segments))
        else:
            values = self._by_tifffile(segments, codec)
        if values.shape != (header.height, header.width, header.channels):
            raise damaged("TIFF")
        return to_samples(values, page, header, bands)

    def _type(self) -> str:
        """Return the NumPy dtype of the channels; empty unless they are of whole bytes and all alike."""
        page, header = self._tags, self.header
        forms = set(page.numbers(tags.SAMPLE_FORMAT)) or {tags.UNSIGNED}
        letters = {_LETTERS.get(form, "") for form in forms}
        letter = letters.pop() if len(letters) == 1 else ""
        is_known = f"{letter}{header.bits}" in _TYPES and set(self._bits) == {header.bits}
        fits = page.number(tags.PREDICTOR, 1) in {1, _DIFFERENCES} and len(self._bits) in {1, header.channels}
        return f"{LAYOUTS[self._data[:4]].order}{letter}{header.bits // 8}" if is_known and fits else ""

    def _unpack(self, segment: Segment, kind: np.dtype[Any]) -> Values:
        plain = unpack_bytes(
            self._data, segment, self._tags, segment.height * segment.width * segment.channels * kind.itemsize
        )
        values: Values = np.frombuffer(plain, kind).reshape(segment[2:])
        return undo_predictor(values) if self._tags.number(tags.PREDICTOR, 1) == _DIFFERENCES else values

    def _unpack_24_bits(self, segment: Segment, codec: int) -> Values:
        """Unpack integers of 24 bits, the most significant byte first in files of either byte order.

        imagecodecs reads them otherwise from version to version, and those of big-endian files wrongly.
        """
        page = self._tags
        is_plain = (
            not self.header.is_signed and set(self._bits) == {_THREE_BYTES} and page.number(tags.PREDICTOR, 1) == 1
        )
        if codec not in _OWN_CODECS or not is_plain:
            raise self._undecoded(codec)
        packed = unpack_bytes(self._data, segment, page, segment.height * segment.width * segment.channels * 3)
        three = np.frombuffer(packed, np.uint8).reshape(*segment[2:], 3)
        return np.pad(three, [(0, 0)] * 3 + [(1, 0)]).view(">u4")[..., 0]

    def _by_opencv(self) -> Values:
        """Decode YCbCr without JPEG: only libtiff undoes its subsampling."""
        values = opencv.imdecode(self._data, opencv.COLOUR)
        if values is None or values.shape != (self.header.height, self.header.width, 3):
            raise ImageError("holds YCbCr colours without JPEG compression; save it as RGB")
        return values

    def _by_tifffile(self, segments: list[Segment], codec: int) -> Values:
        if codec not in tags.DECODED and codec != tags.LZW:
            raise self._undecoded(codec)
        try:
            return read_page(self._data, self._tags, segments)
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # any error of a codec on a damaged file
            raise self._undecoded(codec) from error

    def _undecoded(self, codec: int) -> ImageError:
        name = "no" if codec == tags.PLAIN else tags.CODECS.get(codec, f"unknown ({codec})")
        bits = "/".join(str(bits) for bits in sorted(set(self._bits)))
        return ImageError(f"{damaged('TIFF')} ({name} compression, {self.header.channels} x {bits} bits)")


def _follow_each_other(starts: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    return bool(starts) and all(
        start + size == after for start, size, after in zip(starts, sizes, starts[1:], strict=False)
    )
