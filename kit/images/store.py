"""An image file's bytes become the bytes that are stored.

OpenCV decodes: on 96x96 TIFFs it takes a seventh of Pillow's time, and from version 5 on it refuses files that
are cut short, where libjpeg through imagecodecs returns grey rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kit.errors import KitError
from kit.specs import ImageSpec

Format: TypeAlias = Literal["raw", "png", "jpeg"]
Pixels: TypeAlias = NDArray[np.uint8]

RAW_BYTES = 64 << 10  # up to 147x147 RGB: there, decoding PNG or JPEG costs more than reading raw pixels
PNG_LEVEL = 1  # of 9: a tenth of the time of level 9 for a few per cent of the bytes

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"BM": "BMP",
    b"RIFF": "WebP",
}

cv2.setNumThreads(1)  # shards are written in parallel; threads of their own would only contend
cv2.utils.logging.setLogLevel(0)  # what cannot be decoded is said once, by ImageError


class ImageError(KitError):
    """A file is no image that can be stored; the message is the reason alone."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image as it stands in a record.

    Attributes:
        encoded: raw is uint8 [height, width, channels] row by row; png and jpeg are whole files.
        format: of `encoded`.
        height: pixels.
        width: pixels.
        channels: 3 (RGB) or 1 (grey), also of a grey JPEG that readers decode to RGB.
    """

    encoded: bytes
    format: Format
    height: int
    width: int
    channels: int


def store_image(data: bytes, spec: ImageSpec) -> StoredImage:
    """Decode, crop and reduce an image as `spec` says, and choose how it is stored.

    Small images become raw pixels. A JPEG or PNG that needs no change keeps its bytes, so a JPEG is never
    encoded twice. Everything else becomes a PNG.

    Raises:
        ImageError: with the reason.
    """
    pixels = decode_pixels(data, spec.channels)
    sized = resize(pixels, spec.size) if spec.size else pixels
    height, width = sized.shape[:2]
    kept = _kept_format(data, pixels, spec.channels) if sized is pixels else None
    if sized.nbytes <= RAW_BYTES and (spec.size or kept != "jpeg"):
        return StoredImage(sized.tobytes(), "raw", height, width, spec.channels)
    if kept:
        return StoredImage(data, kept, height, width, spec.channels)
    return StoredImage(_encode_png(sized), "png", height, width, spec.channels)


def decode_pixels(data: bytes, channels: int) -> Pixels:
    """Decode an image file, turned upright as its EXIF orientation asks.

    Returns:
        uint8 [height, width, 3] in RGB, or [height, width, 1]. Alpha is dropped; grey is repeated to RGB,
        and colour weighted to grey, as `channels` asks.

    Raises:
        ImageError: no image, damaged, or more than 8 bits a channel.
    """
    pixels = _decode(data, _flags(channels) | cv2.IMREAD_ANYDEPTH)
    if pixels is None:
        raise ImageError(_why_unreadable(data))
    if pixels.dtype != np.uint8:
        raise ImageError(f"holds {pixels.dtype} pixels; convert it to 8 bits a channel")
    return pixels.reshape(*pixels.shape[:2], channels).astype(np.uint8, copy=False)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Cut the largest centred rectangle of the wanted shape, then average areas (or enlarge linearly).

    Args:
        pixels: uint8 [height, width, channels].
        size: wanted height and width.

    Returns:
        uint8 [size[0], size[1], channels]; `pixels` itself where nothing changes.
    """
    if pixels.shape[:2] == size:
        return pixels
    cropped = _centre_crop(pixels, size)
    shrinks = cropped.shape[0] >= size[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(cropped), size[::-1], interpolation=method)
    return resized.reshape(*size, pixels.shape[2]).astype(np.uint8, copy=False)


def image_kind(data: bytes) -> str | None:
    """Name a file's format by its first bytes, whatever its ending says."""
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            return kind
    return None


def _centre_crop(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    height, width = pixels.shape[:2]
    keep_height = max(1, min(height, round(width * size[0] / size[1])))
    keep_width = max(1, min(width, round(height * size[1] / size[0])))
    top, left = (height - keep_height) // 2, (width - keep_width) // 2
    return pixels[top : top + keep_height, left : left + keep_width]


def _kept_format(data: bytes, pixels: Pixels, channels: int) -> Literal["png", "jpeg"] | None:
    """Name the format of a file whose bytes any reader decodes to `pixels`; None if it must be encoded anew."""
    match image_kind(data):
        case "JPEG" if not _is_turned(data, pixels, channels):
            return "jpeg"
        case "PNG" if (channels == 3 or _is_grey(data)) and not _is_turned(data, pixels, channels):  # noqa: PLR2004 (RGB)
            return "png"
    return None


def _is_turned(data: bytes, pixels: Pixels, channels: int) -> bool:
    """Tell whether EXIF turned the image: readers of the shard would not turn it again."""
    if b"Exif\0\0" not in data and b"eXIf" not in data:
        return False
    unturned = _decode(data, _flags(channels) | cv2.IMREAD_IGNORE_ORIENTATION)
    return unturned is None or not np.array_equal(unturned.reshape(-1), pixels.reshape(-1))


def _is_grey(data: bytes) -> bool:
    """Tell whether a PNG stores one channel: libraries weigh colours differently when they make grey of RGB."""
    stored = _decode(data, cv2.IMREAD_UNCHANGED)
    return stored is not None and stored.ndim == 2  # noqa: PLR2004 (height, width)


def _flags(channels: int) -> int:
    return cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR_RGB


def _decode(data: bytes, flags: int) -> NDArray[np.generic] | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:  # a size that OpenCV will not allocate
        return None


def _encode_png(pixels: Pixels) -> bytes:
    bgr = pixels[..., ::-1] if pixels.shape[2] == 3 else pixels  # noqa: PLR2004 (RGB)
    done, encoded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    if not done:
        raise ImageError("cannot be written as PNG")
    return encoded.tobytes()


def _why_unreadable(data: bytes) -> str:
    if not data:
        return "empty file (0 bytes)"
    if data.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the image; fetch it with 'git lfs pull'"
    if kind := image_kind(data):
        return f"truncated or damaged {kind}, or a kind of {kind} that cannot be decoded"
    return f"not an image (begins with {data[:8]!r})"
