"""What a file says of itself before a pixel is decoded."""

from __future__ import annotations

import msgspec

from kit.files import size_text
from kit.images.image_error import ImageError
from kit.images.signature import Kind
from kit.memory import free_memory

MAX_PIXELS = 1 << 28  # 16,384 x 16,384: 805 MB as RGB; what claims more is a slide, or a bomb
MAX_BYTES = 1 << 32  # 4 GiB as the file stores them: MAX_PIXELS in RGBA of 32 bits

_LARGE = 64 << 20  # 64 MiB: above, whether there is memory is asked first


class ImageHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of itself; a Struct because one is made for every image, in a tenth of a dataclass's time.

    Attributes:
        kind: Format of the file.
        height: Height before any turn that `orientation` asks for, pixels.
        width: Width before any turn, pixels.
        channels: Channels as the file stores them: a palette is 1, RGB with alpha 4.
        bits: Bits per channel.
        is_float: Whether channels are floating-point numbers.
        is_signed: Whether channels are integers below and above zero.
        pages: Pages of a TIFF; 1 otherwise.
        orientation: EXIF's, 1 to 8; 1 is upright.
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
    """Refuse what a header claims before anything of that size is allocated.

    Raises:
        ImageError: no pixels, more than MAX_PIXELS, or more than MAX_BYTES.
    """
    if height < 1 or width < 1:
        raise ImageError(f"claims {height}x{width} pixels")
    if height * width > MAX_PIXELS:
        raise ImageError(f"claims {height}x{width} pixels; kit takes up to {MAX_PIXELS:,}, as 16384x16384 has")
    if channels < 1 or bits < 1 or height * width * channels * bits > 8 * MAX_BYTES:
        raise ImageError(f"claims {height}x{width} pixels of {channels} channels of {bits} bits")


def check_memory(header: ImageHeader, channels: int, reduction: int = 1) -> None:
    """Refuse an image that needs more memory than is free, before it is decoded.

    Systems promise more memory than they have, and end the process that uses it.

    Args:
        header: Header of the image.
        channels: Channels that are stored, 8 bits each, beside those of the file.
        reduction: Factor by which each side is reduced while it is decoded.

    Raises:
        ImageError: There is less.
    """
    pixels = header.height * header.width // reduction**2
    need = pixels * (header.channels * -(-header.bits // 8) + channels)
    if need > _LARGE and need > (free := free_memory()):
        raise ImageError(
            f"needs {size_text(need)} of memory to decode its {header.height}x{header.width} pixels, and"
            f" {size_text(free)} are free"
        )
