"""Fax segments of a TIFF page: CCITT RLE, Group 3 and Group 4.

Pillow's libtiff decodes them: imagecodecs has had these codecs only since 2026.3, which takes NumPy 2 only, and libtiff
in OpenCV 4 loses rows of fax without end-of-line codes.
"""

from __future__ import annotations

import io
import warnings

import numpy as np

from kit.images import tiff_tags as tags
from kit.images.decompress import write_page
from kit.images.ifd import Directory
from kit.images.image_error import damaged
from kit.images.samples import Pixels
from kit.images.segments import Segment
from kit.stderr import held_stderr

_COPIED = (tags.COMPRESSION, tags.FILL_ORDER, tags.GROUP_3_OPTIONS, tags.GROUP_4_OPTIONS)


def unpack_fax(data: bytes, segment: Segment, page: Directory) -> Pixels:
    """Decode a strip or tile.

    Returns:
        Uint8 [segment.height, segment.width, 1], the stored bits; white rows at the end if the data end early.

    Raises:
        ImageError: The segment cannot be decoded, or has more than one channel of one bit.
    """
    if segment.channels != 1 or set(page.numbers(tags.BITS)) - {1}:
        raise damaged("TIFF", "its fax data have more than a bit a pixel")
    found = {tag: page.numbers(tag) for tag in _COPIED if tag in page} | {
        tags.WIDTH: (segment.width,),
        tags.HEIGHT: (segment.height,),
        tags.STRIP_ROWS: (segment.height,),
        tags.BITS: (1,),
        tags.CHANNELS: (1,),
        tags.PHOTOMETRIC: (tags.MIN_IS_BLACK,),
    }
    packed = data[segment.start : segment.start + segment.size] if segment.size else data[segment.start :]
    with held_stderr():  # libtiff prints each bad code word
        bits = _decoded(write_page(found, [packed], (tags.STRIPS, tags.STRIP_BYTES), "<"))
    if bits is None:
        raise damaged("TIFF", "its fax data cannot be decoded")
    return bits.reshape(segment.height, segment.width, 1)


def _decoded(page: bytes) -> Pixels | None:
    from PIL import Image  # noqa: PLC0415 (slow to import, and few files need it)

    most = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # the header's size has been checked
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(page), formats=["TIFF"]) as image:
                return (np.asarray(image.convert("L")) > 0).view(np.uint8)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises on damaged files
        return None
    finally:
        Image.MAX_IMAGE_PIXELS = most
