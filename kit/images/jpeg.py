"""JPEG files, by their markers.

A JPEG that needs no change is stored unchanged, without decoding it, so its markers must prove that every reader shows
it alike: 8 bits, Huffman-coded, grey or YCbCr, upright, complete from the first marker to the end marker.
"""

from __future__ import annotations

import struct
from typing import Literal

from kit.images import opencv
from kit.images.exif_orientation import exif_orientation, upright
from kit.images.header import ImageHeader, check_size
from kit.images.image_error import ImageError, damaged
from kit.images.resize import reduction
from kit.images.samples import Samples, Values
from kit.specs import ImageSpec

_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_HUFFMAN = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: supported by every reader
_PROGRESSIVE = 0xC2
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_ARITHMETIC = {0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_APP1, _APP14, _SCAN, _END, _FILL = 0xE1, 0xEE, 0xDA, 0xD9, 0xFF
_ASIDES = {*range(0xE0, 0xEE), 0xEF, 0xFE}  # APP0 to APP13, APP15 and comments
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_SCANS = 500  # limit for progressive files, as libjpeg's authors advise; each scan is a pass over all pixels
_FRAME = struct.Struct(">BHHB")
_EIGHT = 8  # bits
_REDUCED = {1: 0, 2: 16, 4: 32, 8: 64}  # OpenCV's flags for a half, a quarter and an eighth


class JpegFile:
    """A JPEG file.

    Attributes:
        header: Header of the image.
    """

    __slots__ = ("_asides", "_data", "_frame", "_is_clean", "_is_rgb", "_orientation", "_scan", "_size", "header")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._asides: list[tuple[int, int]] = []  # offsets of metadata, which do not affect the pixels
        self._is_clean = True
        self._is_rgb = False
        self._frame = 0
        self._scan = 0
        self._size = (0, 0, 0, 0)  # bits, height, width, channels
        self._orientation = 1
        try:
            offset = 2
            while not self._scan and offset:
                offset = self._read_marker(offset)
        except (IndexError, ValueError, struct.error):
            raise damaged("JPEG", "it ends before its pixels") from None
        if not self._frame or not self._scan:
            raise damaged("JPEG", "it holds no pixels")
        bits, height, width, channels = self._size
        check_size(height, width, channels, bits)
        if data.rfind(b"\xff\xd9", self._scan) < 0:
            raise damaged("JPEG", "it has no end marker")
        self.header = ImageHeader(
            kind="JPEG", height=height, width=width, channels=channels, bits=bits, orientation=self._orientation
        )

    def _read_marker(self, offset: int) -> int:
        """Read the marker at `offset` and return the offset of the next one; 0 at the end of the image."""
        data = self._data
        if data[offset] != _FILL:
            self._is_clean = False
            offset = data.index(b"\xff", offset)
        marker = data[offset + 1]
        if marker == _FILL:  # any number of fill bytes may precede a marker
            return offset + 1
        if marker in _BARE:
            return offset + 2
        if marker == _END:
            return 0
        length = int.from_bytes(data[offset + 2 : offset + 4], "big")
        body, after = offset + 4, offset + 2 + length
        self._asides += [(offset, after)] * (marker in _ASIDES)
        if marker in _FRAMES:
            self._frame, self._size = marker, _FRAME.unpack_from(data, body)
            self._is_rgb = self._is_rgb or data[body + 6 : body + 15 : 3] == b"RGB"
        elif marker == _APP1 and data.startswith(b"Exif\0\0", body):
            self._orientation = exif_orientation(data[body:after])
        elif marker == _APP14 and data.startswith(b"Adobe", body):
            self._is_rgb = data[body + 11] == 0
        elif marker == _SCAN:
            self._scan = body
        return after

    @property
    def content(self) -> bytes:
        """File without its metadata."""
        starts = [0, *(after for _, after in self._asides)]
        ends = [*(before for before, _ in self._asides), len(self._data)]
        return b"".join(self._data[start:end] for start, end in zip(starts, ends, strict=True))

    def pages(self) -> int:
        """One."""
        return 1

    def kept_as(self, channels: int) -> Literal["jpeg"] | None:
        """Return the format if every reader shows these bytes alike; colour read as grey is JPEG's own luma."""
        header = self.header
        is_kept = (
            self._is_clean
            and self._frame in _HUFFMAN
            and header.bits == _EIGHT
            and header.orientation == 1
            and (header.channels == 1 or (header.channels == 3 and (channels == 3 or not self._is_rgb)))  # noqa: PLR2004 (RGB)
        )
        return "jpeg" if is_kept else None

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode upright, at a half, quarter or eighth of the size if that is enough for `spec`.

        Raises:
            ImageError: The file is damaged, or of a kind that cannot be decoded.
        """
        header = self.header
        if self._frame not in _HUFFMAN or header.bits != _EIGHT:
            return Samples(upright(self._by_imagecodecs(), header.orientation), header.bits)
        if self._frame == _PROGRESSIVE and self._data.count(b"\xff\xda") > _SCANS:
            raise ImageError(f"has more than {_SCANS} scans, which no camera writes and a bomb would")
        # libjpeg skips the chroma of YCbCr for grey output
        is_grey = header.channels == 1 or (spec.channels == 1 and header.channels == 3 and not self._is_rgb)  # noqa: PLR2004 (RGB)
        values = self._by_opencv(reduction(spec, header), is_grey=is_grey)
        return Samples(upright(values, header.orientation))

    def _by_opencv(self, factor: int, *, is_grey: bool) -> Values:
        flags = opencv.GREY if is_grey else opencv.COLOUR
        if factor > 1:
            colours = 0 if is_grey else 1
            flags = _REDUCED[factor] | colours | (flags & 128)
        values = opencv.imdecode(self._data, flags)
        if values is None:
            raise damaged("JPEG")
        return values if is_grey or factor == 1 else values[..., ::-1]

    def _by_imagecodecs(self) -> Values:
        """Decode 12 bits, lossless and arithmetic coding, which OpenCV lacks."""
        import imagecodecs  # noqa: PLC0415 (slow to import, and few files need it)

        try:
            values = imagecodecs.jpeg8_decode(self._data)  # not jpeg_decode: see `unpack`
        except Exception as error:  # any error of the codec on a damaged file
            names = [f"{self.header.bits} bits"]
            names += ["lossless"] * (self._frame in _LOSSLESS) + ["arithmetic coding"] * (self._frame in _ARITHMETIC)
            raise ImageError(f"{damaged('JPEG')} ({', '.join(names)})") from error
        return values.reshape(self.header.height, self.header.width, -1)
