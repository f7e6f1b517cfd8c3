"""PNG files, with the orientation of an eXIf chunk."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Literal

from kit.images import opencv
from kit.images.exif_orientation import exif_orientation, upright
from kit.images.header import ImageHeader, check_size
from kit.images.image_error import damaged
from kit.images.samples import Samples
from kit.specs import ImageSpec

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8sI4sIIBBB")
_CHUNK = struct.Struct(">I4s")
_FRAME_BYTES = 12  # of a chunk besides its data: length, name, checksum
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, grey and alpha, RGB and alpha
_GREY = {0, 4}  # colour types
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_EIGHT = 8  # bits


class PngFile:
    """A PNG file.

    Attributes:
        header: Header of the image, or of the first one of several.
    """

    __slots__ = ("_colours", "_data", "_is_animated", "header")

    def __init__(self, data: bytes) -> None:
        self._data = data
        if len(data) < _HEADER.size:
            raise damaged("PNG", "it ends within its header")
        signature, _, name, width, height, bits, self._colours, _ = _HEADER.unpack_from(data)
        if signature != _SIGNATURE or name != b"IHDR" or self._colours not in _CHANNELS:
            raise damaged("PNG")
        check_size(height, width)
        chunks = dict(_chunks(data))
        if b"IEND" not in chunks:
            raise damaged("PNG", "it has no end")
        # OpenCV 4 refuses it, 5 does not; neither would all who read a PNG that is stored unchanged
        if not _is_sound(data, chunks[b"IEND"]):
            raise damaged("PNG", "the checksum of its end is wrong")
        self._is_animated = b"acTL" in chunks
        self.header = ImageHeader(
            kind="PNG",
            height=height,
            width=width,
            channels=_CHANNELS[self._colours],
            bits=bits,
            orientation=exif_orientation(data[chunks[b"eXIf"]]) if b"eXIf" in chunks else 1,
        )

    def pages(self) -> int:
        """One."""
        return 1

    def kept_as(self, channels: int) -> Literal["png"] | None:
        """Return the format if every reader shows these bytes alike; libraries convert colours to grey differently."""
        alike = self.header.bits <= _EIGHT and self.header.orientation == 1 and not self._is_animated
        return "png" if alike and (channels == 3 or self._colours == 0) else None  # noqa: PLR2004 (RGB)

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode upright.

        Raises:
            ImageError: The file is damaged.
        """
        del spec
        data = _still(self._data) if self._is_animated else self._data
        flags = opencv.GREY if self._colours in _GREY else opencv.COLOUR
        values = opencv.imdecode(data, flags, (self.header.height, self.header.width))
        if values is None:
            raise damaged("PNG")
        return Samples(upright(values, self.header.orientation), max(_EIGHT, self.header.bits))


def _chunks(data: bytes) -> Iterator[tuple[bytes, slice]]:
    """Yield the name and the slice of the data of each complete chunk."""
    offset = len(_SIGNATURE)
    while offset + _FRAME_BYTES <= len(data):
        size, name = _CHUNK.unpack_from(data, offset)
        start = offset + _CHUNK.size
        offset += size + _FRAME_BYTES
        if offset <= len(data):
            yield name, slice(start, start + size)
        if name == b"IEND":
            return


def _is_sound(data: bytes, span: slice) -> bool:
    """Check the checksum of a chunk, which follows its data and covers its name, too."""
    return data[span.stop : span.stop + 4] == zlib.crc32(data[span.start - 4 : span.stop]).to_bytes(4, "big")


def _still(data: bytes) -> bytes:
    """Remove an animation, so that decoders return the default image."""
    kept = [data[span.start - _CHUNK.size : span.stop + 4] for name, span in _chunks(data) if name not in _ANIMATION]
    return _SIGNATURE + b"".join(kept)
