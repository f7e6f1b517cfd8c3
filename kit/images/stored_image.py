"""Converts an image file or an array to the stored bytes of a record."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import msgspec
import numpy as np
from xxhash import xxh3_128_hexdigest

from kit.images.decode import OpenImage, open_image, to_pixels
from kit.images.exif_orientation import swaps_sides
from kit.images.header import check_memory, check_size
from kit.images.image_error import ImageError, memory_named
from kit.images.jpeg import JpegFile
from kit.images.photometric import chosen
from kit.images.resize import reduction
from kit.images.samples import Pixels, Samples, Values
from kit.images.tiff import TiffFile
from kit.specs import ImageSpec

Format: TypeAlias = Literal["raw", "png", "jpeg"]

RAW_BYTES = 256 << 10  # up to 295x295 RGB: PNG would save a third of the bytes, and cost 1 to 3 ms an image to decode
PNG_LEVEL = 1  # of 9: a tenth of the time of level 9 for a few per cent of the bytes

_NUMBERS = "buif"  # NumPy's kinds: booleans, unsigned and signed integers, floats


class SourceImage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Source of a stored image.

    Attributes:
        height: Height of the upright source image, pixels.
        width: Width of the upright source image, pixels.
        is_whole: Whether all pixels were decoded at full scale and in colour: false for a kept JPEG, and for one that
            was decoded at a reduced scale or to its own grey. Only if true have equal images equal digests.
    """

    height: int
    width: int
    is_whole: bool


class StoredImage(msgspec.Struct, frozen=True):
    """An image as stored in a record; a Struct because one is made for every image.

    Attributes:
        encoded: Stored bytes: for raw, uint8 [height, width, channels] row by row; for png and jpeg, whole files.
        format: Format of `encoded`.
        height: Height, pixels.
        width: Width, pixels.
        channels: 3 (RGB) or 1 (grey), after decoding: 3 for a grey JPEG that readers decode to RGB.
        digest: Digest of 32 hexadecimal digits; equal for equal stored pixels of one shape, and for kept JPEGs that
            differ at most in their metadata.
        source: Kind of source file, such as "TIFF, 3 x uint16".
        origin: Size of the source image, and whether it was fully decoded.
    """

    encoded: bytes
    format: Format
    height: int
    width: int
    channels: int
    digest: str
    source: str
    origin: SourceImage


def store(content: bytes | Values, spec: ImageSpec) -> StoredImage:
    """Convert an image by `store_image` if it is a file's bytes, or `store_pixels` if it is an array."""
    with memory_named():
        return store_image(content, spec) if isinstance(content, bytes) else store_pixels(content, spec)


def store_image(data: bytes, spec: ImageSpec) -> StoredImage:
    """Decode, scale, resize and encode an image file by `spec`.

    Encoding "auto" stores small images as raw pixels, keeps the bytes of a JPEG or PNG that needs no change, so that a
    JPEG is never encoded twice, and writes PNG otherwise. "keep" keeps the bytes of small images too, and acts as
    "auto" if it cannot. "png" keeps the bytes of a PNG that needs no change; "jpeg:90" encodes every image, JPEGs too.
    A kept JPEG is not decoded: only its markers are checked, so damaged pixels are not detected.

    Raises:
        ImageError: The image cannot be stored; the message gives the reason.
    """
    file = open_image(data, spec.page)
    if spec.bands and not isinstance(file, TiffFile):
        raise ImageError(f"is a {file.header.kind}: bands are of TIFFs and arrays")
    kept = file.kept_as(spec.channels)
    if isinstance(file, JpegFile) and kept and _keeps_jpeg(file, spec):
        header = file.header
        digest = xxh3_128_hexdigest(file.content)
        origin = SourceImage(header.height, header.width, is_whole=False)
        return StoredImage(data, "jpeg", header.height, header.width, spec.channels, digest, header.source, origin)
    check_memory(file.header, spec.channels, reduction(spec, file.header) if isinstance(file, JpegFile) else 1)
    pixels = to_pixels(file.samples(spec), spec)
    return _stored(
        pixels, spec, file.header.source, _origin(file, spec), data if kept == "png" and _fits(file, spec) else None
    )


def store_pixels(pixels: Values, spec: ImageSpec) -> StoredImage:
    """Scale, resize and encode an array by `spec`; see `store_image`.

    Args:
        pixels: Booleans, integers or floats [height, width] or [height, width, 1 to 4]: grey, grey and alpha, RGB, or
            RGB and alpha; alpha is dropped.
        spec: Settings of the stored image.

    Raises:
        ImageError: The image cannot be stored; the message gives the reason.
    """
    array = np.asarray(pixels)
    shaped = array[..., None] if array.ndim == 2 else array  # noqa: PLR2004 (height and width)
    if shaped.ndim != 3 or array.dtype.kind not in _NUMBERS:  # noqa: PLR2004
        raise ImageError(f"an array of {array.dtype} {list(array.shape)}; kit takes numbers [h, w] or [h, w, channels]")
    if not spec.bands and not 1 <= shaped.shape[2] <= 4:  # noqa: PLR2004
        raise ImageError(f"an array of {shaped.shape[2]} channels; choose some, as with bands 0,1,2")
    check_size(*shaped.shape[:2])
    is_bool = array.dtype == np.bool_
    rgb = shaped[..., : 3 if shaped.shape[2] >= 3 else 1]  # noqa: PLR2004
    values = chosen(shaped, spec.bands) if spec.bands else rgb
    samples = Samples(values.astype(np.uint8), 1) if is_bool else Samples(values, array.dtype.itemsize * 8)
    source = f"array, {shaped.shape[2]} x {array.dtype}"
    origin = SourceImage(shaped.shape[0], shaped.shape[1], is_whole=True)
    return _stored(to_pixels(samples, spec), spec, source, origin, None)


def _origin(file: OpenImage, spec: ImageSpec) -> SourceImage:
    header = file.header
    height, width = header.height, header.width
    if swaps_sides(header.orientation):
        height, width = width, height
    is_jpeg = header.kind == "JPEG"
    is_part = is_jpeg and (reduction(spec, header) > 1 or header.channels > spec.channels)
    return SourceImage(height, width, is_whole=not is_part)


def _fits(file: OpenImage, spec: ImageSpec) -> bool:
    return spec.size is None or spec.size == (file.header.height, file.header.width)


def _keeps_jpeg(file: OpenImage, spec: ImageSpec) -> bool:
    """Return whether the file is a JPEG whose bytes are stored unchanged."""
    if not _fits(file, spec):
        return False
    is_small = spec.size is not None and spec.size[0] * spec.size[1] * spec.channels <= RAW_BYTES
    return spec.encoding == "keep" or (spec.encoding == "auto" and not is_small)


def _stored(pixels: Pixels, spec: ImageSpec, source: str, origin: SourceImage, png: bytes | None) -> StoredImage:
    """Encode pixels, or store `png`, their PNG file, unchanged."""
    height, width, channels = pixels.shape
    raw = pixels.tobytes()
    form = _chosen(spec, len(raw), is_png=png is not None)
    if form == "raw":
        encoded = raw
    elif form == "png":
        encoded = png or _encoded(pixels, ".png", [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
    else:
        encoded = _encoded(pixels, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, spec.quality])
    digest = xxh3_128_hexdigest(raw, height << 32 | width << 2 | channels)  # the shape as the hash's seed
    return StoredImage(encoded, form, height, width, channels, digest, source, origin)


def _chosen(spec: ImageSpec, size: int, *, is_png: bool) -> Format:
    match spec.encoding.partition(":")[0]:
        case "raw" | "png" | "jpeg" as name:
            return name
        case "keep" if is_png:
            return "png"
        case _:
            return "raw" if size <= RAW_BYTES else "png"


def _encoded(pixels: Pixels, ending: str, options: list[int]) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR) if pixels.shape[2] == 3 else pixels  # noqa: PLR2004 (RGB)
    try:
        done, encoded = cv2.imencode(ending, bgr, options)
    except cv2.error:  # a side exceeds the format's limit
        done = False
    if not done:
        raise ImageError(f"cannot be written as {ending[1:].upper()} at {pixels.shape[0]}x{pixels.shape[1]} pixels")
    return encoded.tobytes()
