"""Perceptual hashes and thumbnails of images, computed in workers, which return them instead of pixels."""

from __future__ import annotations

import cv2
import imagehash
import msgspec
import numpy as np
from PIL import Image

from kit.images.samples import Pixels

BLANK_DEVIATION = 2.0  # of 255: about that of noise and JPEG on empty glass; the faintest chest X-ray has 20
THUMBNAIL = 16  # pixels a side

_HASHED = 32  # pixels a side; pHash uses the 8 x 8 lowest frequencies


class Look(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Hashes and thumbnail of an image; a Struct because one is made for every image.

    Attributes:
        digest: Hash of the pixels; empty for an unreadable image.
        look: 64-bit perceptual hash.
        thumbnail: Grey thumbnail, uint8 [THUMBNAIL, THUMBNAIL] row by row, stretched to 0 to 255.
        is_blank: Whether the image is blank.
    """

    digest: str = ""
    look: int = 0
    thumbnail: bytes = b""
    is_blank: bool = False


def look_at(pixels: Pixels, digest: str) -> Look:
    """Hash an image and make its thumbnail.

    Args:
        pixels: Uint8 [height, width, 3].
        digest: Hash of the pixels.
    """
    deviation = float(np.max(cv2.meanStdDev(pixels)[1]))
    return Look(digest, *look_of(pixels), is_blank=deviation < BLANK_DEVIATION)


def look_of(pixels: Pixels) -> tuple[int, bytes]:
    """Compute the perceptual hash and the thumbnail of an image: `Look.look` and `Look.thumbnail`.

    The hash is pHash: the signs of the lowest frequencies of a cosine transform, against their median. It hardly
    changes with JPEG compression, size and brightness.

    Args:
        pixels: Uint8 [height, width, 3].
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, (_HASHED, _HASHED), interpolation=cv2.INTER_AREA))
    signs = imagehash.phash(Image.fromarray(small)).hash
    smaller = cv2.resize(small.astype(np.float32), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    stretched = (smaller - smaller.min()) * (255 / max(float(np.ptp(smaller)), 1e-6))
    return int.from_bytes(np.packbits(signs).tobytes(), "big"), np.rint(stretched).astype(np.uint8).tobytes()
