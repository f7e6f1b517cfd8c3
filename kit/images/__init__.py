"""Decodes image files, and encodes pixels as the bytes of a record.

Alpha is dropped, never composited. Stored images are upright: EXIF and TIFF orientations are applied.
"""

from kit.images.decode import decode_image, decode_pixels, read_header
from kit.images.equal import equal_images
from kit.images.header import ImageHeader
from kit.images.image_error import ImageError
from kit.images.samples import Pixels
from kit.images.stored_image import Format, SourceImage, StoredImage, store, store_image, store_pixels

__all__ = [
    "Format",
    "ImageError",
    "ImageHeader",
    "Pixels",
    "SourceImage",
    "StoredImage",
    "decode_image",
    "decode_pixels",
    "equal_images",
    "read_header",
    "store",
    "store_image",
    "store_pixels",
]
