"""An image reduced to what it looks like, in a worker: hashes return, pixels do not."""

from __future__ import annotations

import cv2
import imagehash
import msgspec
import numpy as np
from PIL import Image

from kit.images.samples import Pixels

BLANK_DEVIATION = 2.0  # of 255: noise and JPEG leave that much on empty glass; the faintest chest X-ray has 20
THUMBNAIL = 16  # pixels a side

_HASHED = 32  # pixels a side, of which pHash takes the 8 x 8 lowest frequencies


class Look(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an image looks like; a Struct because one is made for every image.

    Attributes:
        digest: Hash of the pixels; empty for an image that cannot be read.
        look: 64-bit perceptual hash.
        thumbnail: Uint8 [THUMBNAIL, THUMBNAIL] in grey, its darkest pixel 0 and its brightest 255, row by row.
        is_blank: Whether it shows nothing.
    """

    digest: str = ""
    look: int = 0
    thumbnail: bytes = b""
    is_blank: bool = False


def look_at(pixels: Pixels, digest: str) -> Look:
    """Reduce an image to what it looks like.

    Args:
        pixels: Uint8 [height, width, 3].
        digest: Hash of the pixels.
    """
    deviation = float(np.max(cv2.meanStdDev(pixels)[1]))
    return Look(digest, *look_of(pixels), is_blank=deviation < BLANK_DEVIATION)


def look_of(pixels: Pixels) -> tuple[int, bytes]:
    """Reduce an image to what it looks like: `Look.look` and `Look.thumbnail`.

    The hash is pHash: the signs of the lowest frequencies of a cosine transform, against their median. JPEG, another
    size and another brightness hardly change it.

    Args:
        pixels: Uint8 [height, width, 3].
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, (_HASHED, _HASHED), interpolation=cv2.INTER_AREA))
    signs = imagehash.phash(Image.fromarray(small)).hash
    smaller = cv2.resize(small.astype(np.float32), (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    stretched = (smaller - smaller.min()) * (255 / max(float(np.ptp(smaller)), 1e-6))
    return int.from_bytes(np.packbits(signs).tobytes(), "big"), np.rint(stretched).astype(np.uint8).tobytes()
