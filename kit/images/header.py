"""Headers of image files, and limits on their sizes."""

from __future__ import annotations

import msgspec

from kit.files import size_text
from kit.images.image_error import ImageError
from kit.images.signature import Kind
from kit.memory import free_memory

MAX_PIXELS = 1 << 28  # 16,384 x 16,384: 805 MB as RGB; larger images are slides, or decompression bombs
MAX_BYTES = 1 << 32  # 4 GiB in the file's own types: MAX_PIXELS in RGBA of 32 bits

_LARGE = 64 << 20  # 64 MiB: the free memory is checked before larger images are decoded


class ImageHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Header of an image file; a Struct, as it is made for every image in a tenth of a dataclass's time.

    Attributes:
        kind: Format of the file.
        height: Height before `orientation` is applied, pixels.
        width: Width before `orientation` is applied, pixels.
        channels: Stored channels: 1 for a palette, 4 for RGB with alpha.
        bits: Bits per channel.
        is_float: Whether channels are floating-point numbers.
        is_signed: Whether channels are signed integers.
        pages: Number of pages of a TIFF; 1 otherwise.
        orientation: EXIF orientation, 1 to 8; 1 is upright.
    """

    kind: Kind
    height: int
    width: int
    channels: int
    bits: int
    is_float: bool = False
    is_signed: bool = False
    pages: int = 1
    orientation: int = 1

    @property
    def source(self) -> str:
        """Kind, channels and their type, such as "TIFF, 3 x uint16"."""
        name = "float" if self.is_float else "int" if self.is_signed else "uint"
        return f"{self.kind}, {self.channels} x {name}{self.bits}"


def check_size(height: int, width: int, channels: int = 1, bits: int = 8) -> None:
    """Refuse the size in a header before memory is allocated for it.

    Raises:
        ImageError: The image has no pixels, more than MAX_PIXELS, or more than MAX_BYTES.
    """
    if height < 1 or width < 1:
        raise ImageError(f"claims {height}x{width} pixels")
    if height * width > MAX_PIXELS:
        raise ImageError(f"claims {height}x{width} pixels; kit takes up to {MAX_PIXELS:,}, as 16384x16384 has")
    if channels < 1 or bits < 1 or height * width * channels * bits > 8 * MAX_BYTES:
        raise ImageError(f"claims {height}x{width} pixels of {channels} channels of {bits} bits")


def check_memory(header: ImageHeader, channels: int, reduction: int = 1) -> None:
    """Refuse an image that needs more memory than is free, before it is decoded.

    Operating systems promise more memory than they have, and kill the process that uses it.

    Args:
        header: Header of the image.
        channels: Channels to store, 8 bits each, in addition to those of the file.
        reduction: Factor by which the decoder reduces each side.

    Raises:
        ImageError: Less memory is free.
    """
    pixels = header.height * header.width // reduction**2
    need = pixels * (header.channels * -(-header.bits // 8) + channels)
    if need > _LARGE and need > (free := free_memory()):
        raise ImageError(
            f"needs {size_text(need)} of memory to decode its {header.height}x{header.width} pixels, and"
            f" {size_text(free)} are free"
        )
