"""BMP files."""

from __future__ import annotations

import struct

from kit.images import opencv
from kit.images.header import ImageHeader, check_size
from kit.images.image_error import ImageError, damaged
from kit.images.samples import Samples
from kit.specs import ImageSpec

_OS2 = 12  # bytes of the oldest header, with 16-bit sides
_UNPACKED = {0, 3, 6}  # compression: none, or none with masks
_RGB_BITS = 16  # a pixel; images of so many bits or more have no palette


class BmpFile:
    """A BMP file.

    Attributes:
        header: Header of the image.
    """

    __slots__ = ("_data", "_depth", "_packing", "header")

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            start, size = struct.unpack_from("<II", data, 10)
            width, height, _, depth = struct.unpack_from("<HHHH" if size == _OS2 else "<iiHH", data, 18)
            (packing,) = struct.unpack_from("<I", data, 30) if size > _OS2 else (0,)
        except struct.error:
            raise damaged("BMP", "it ends within its header") from None
        self._depth, self._packing = depth, packing
        height = abs(height)  # negative: from the top down
        check_size(height, width)
        need = start + (width * depth + 31) // 32 * 4 * height
        if packing in _UNPACKED and need > len(data):
            raise damaged("BMP", f"its pixels end at byte {need:,}, the file at {len(data):,}")
        has_palette = depth < _RGB_BITS
        self.header = ImageHeader(
            kind="BMP",
            height=height,
            width=width,
            channels=1 if has_palette else max(3, depth // 8),
            bits=depth if has_palette else 8,
        )

    def pages(self) -> int:
        """One."""
        return 1

    def kept_as(self, channels: int) -> None:
        """Return None: readers of shards do not read BMP."""
        del channels

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode.

        Raises:
            ImageError: The file is damaged.
        """
        del spec
        values = opencv.imdecode(self._data, opencv.COLOUR, (self.header.height, self.header.width))
        if values is None:
            raise ImageError(f"{damaged('BMP')} ({self._depth} bits a pixel, compression {self._packing})")
        return Samples(values)
