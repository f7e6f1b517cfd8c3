"""Image files become pixels, and pixels the bytes of a record."""

from kit.images.store import Format, ImageError, Pixels, StoredImage, decode_pixels, store_image

__all__ = ["Format", "ImageError", "Pixels", "StoredImage", "decode_pixels", "store_image"]
