"""WebP files, with the orientation of an EXIF chunk."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kit.images import opencv
from kit.images.exif_orientation import exif_orientation, upright
from kit.images.header import ImageHeader, check_size
from kit.images.image_error import damaged
from kit.images.samples import Samples
from kit.specs import ImageSpec

_CHUNK = struct.Struct("<4sI")
_CANVAS_ALPHA = 0x10  # flag of VP8X
_SIDE = 0x3FFF  # 14 bits of VP8 and VP8L


class WebpFile:
    """A WebP file.

    Attributes:
        header: Header of the image, or of the first one of several.
    """

    __slots__ = ("_data", "header")

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            (claimed,) = struct.unpack_from("<I", data, 4)
            if len(data) < claimed + 8:
                raise damaged("WebP", f"it has {len(data):,} of its {claimed + 8:,} bytes")
            chunks = list(_chunks(data))
            height, width, has_alpha = _size(data, *chunks[0])
        except (IndexError, struct.error):
            raise damaged("WebP") from None
        check_size(height, width)
        exif = next((data[offset : offset + size] for name, offset, size in chunks if name == b"EXIF"), b"")
        self.header = ImageHeader(
            kind="WebP",
            height=height,
            width=width,
            channels=3 + has_alpha,
            bits=8,
            orientation=exif_orientation(exif),
        )

    def pages(self) -> int:
        """One."""
        return 1

    def kept_as(self, channels: int) -> None:
        """Return None: readers of shards do not read WebP."""
        del channels

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode upright.

        Raises:
            ImageError: The file is damaged.
        """
        del spec
        values = opencv.imdecode(self._data, opencv.COLOUR, (self.header.height, self.header.width))
        if values is None:
            raise damaged("WebP")
        return Samples(upright(values, self.header.orientation))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's name, offset and size in bytes."""
    offset = 12  # after "RIFF", its size and "WEBP"
    while offset + _CHUNK.size <= len(data):
        name, size = _CHUNK.unpack_from(data, offset)
        yield name, offset + _CHUNK.size, size
        offset += _CHUNK.size + size + size % 2


def _size(data: bytes, name: bytes, offset: int, _: int) -> tuple[int, int, bool]:
    """Read height, width and the presence of alpha from the first chunk."""
    if name == b"VP8X":
        flags = data[offset]
        width = int.from_bytes(data[offset + 4 : offset + 7], "little") + 1
        height = int.from_bytes(data[offset + 7 : offset + 10], "little") + 1
        return height, width, bool(flags & _CANVAS_ALPHA)
    if name == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, offset + 1)
        return (packed >> 14 & _SIDE) + 1, (packed & _SIDE) + 1, bool(packed >> 28 & 1)
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, offset + 6)
        return height & _SIDE, width & _SIDE, False
    raise damaged("WebP")
