"""Decodes image files to upright pixels of 8 bits."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec
import numpy as np

from kit.images import opencv
from kit.images.bmp import BmpFile
from kit.images.header import ImageHeader
from kit.images.image_error import ImageError
from kit.images.jpeg import JpegFile
from kit.images.png import PngFile
from kit.images.resize import fit
from kit.images.samples import Pixels, Samples
from kit.images.scale import to_eight_bits
from kit.images.signature import image_kind, refuse_foreign
from kit.images.tiff import TiffFile
from kit.images.webp import WebpFile
from kit.specs import ImageSpec


class OpenImage(Protocol):
    """An image file of which only the header has been read."""

    header: ImageHeader

    def pages(self) -> int:
        """Number of pages."""

    def kept_as(self, channels: int) -> Literal["png", "jpeg"] | None:
        """Return the format in which a record can store the file's bytes unchanged; None if they must be re-encoded."""

    def samples(self, spec: ImageSpec) -> Samples:
        """Decode upright; a JPEG at a reduced scale, if that is enough for `spec`."""


def open_image(data: bytes, page: int = 0) -> OpenImage:
    """Read a file's header.

    Raises:
        ImageError: The file is not an image that kit reads, or has no such page.
    """
    kind = image_kind(data)
    if kind in {"TIFF", "BigTIFF"}:
        return TiffFile(data, kind, page)
    if kind is None:
        refuse_foreign(data)
    if page:
        raise ImageError(f"a {kind} has 1 page, counted from 0; there is no page {page}")
    match kind:
        case "JPEG":
            return JpegFile(data)
        case "PNG":
            return PngFile(data)
        case "WebP":
            return WebpFile(data)
        case _:
            return BmpFile(data)


def read_header(data: bytes) -> ImageHeader:
    """Read the header of an image file, without decoding its pixels.

    Raises:
        ImageError: The file is not an image that kit reads.
    """
    file = open_image(data)
    pages = file.pages()
    return file.header if pages == 1 else msgspec.structs.replace(file.header, pages=pages)


def decode_image(data: bytes, spec: ImageSpec) -> Pixels:
    """Decode a page of a file: upright, scaled to 8 bits, with the channels of `spec` and at its own size.

    Returns:
        Uint8 [height, width, spec.channels].

    Raises:
        ImageError: The image cannot be stored; the message gives the reason.
    """
    own_size = msgspec.structs.replace(spec, size=None)
    return to_pixels(open_image(data, spec.page).samples(own_size), own_size)


def decode_pixels(data: bytes, channels: int) -> Pixels:
    """Decode a file with `decode_image` and its default settings.

    Returns:
        Uint8 [height, width, 3] in RGB, or [height, width, 1].

    Raises:
        ImageError: The image cannot be stored; the message gives the reason.
    """
    return decode_image(data, ImageSpec(channels=1 if channels == 1 else 3))


def to_pixels(samples: Samples, spec: ImageSpec) -> Pixels:
    """Scale to 8 bits, resize, and convert RGB to grey or grey to RGB.

    Returns:
        Uint8 [height, width, spec.channels].
    """
    pixels = to_eight_bits(samples, spec)
    # resized in one channel if possible
    if pixels.shape[2] > spec.channels:
        pixels = opencv.to_grey(np.ascontiguousarray(pixels))
    pixels = fit(pixels, spec)
    return pixels if pixels.shape[2] == spec.channels else opencv.to_rgb(np.ascontiguousarray(pixels))
