"""OpenCV's decoders and colour conversions."""

from __future__ import annotations

import cv2
import numpy as np

from kit.images.image_error import is_out_of_memory
from kit.images.samples import Pixels, Values

IS_OPENCV_5 = int(cv2.__version__.partition(".")[0]) >= 5  # noqa: PLR2004 (the lane of TensorFlow Addons has 4.11)

cv2.setNumThreads(1)  # shards are written in parallel; more threads would only contend
# errors are reported once, by ImageError
(cv2.utils.logging.setLogLevel if IS_OPENCV_5 else getattr(cv2, "setLogLevel"))(0)  # noqa: B009 (types are 5's)

COLOUR = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
GREY = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
UNCHANGED = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION  # blue, green, red


def imdecode(data: bytes, flags: int, size: tuple[int, int] | None = None) -> Values | None:
    """Decode according to `flags`, without applying an orientation.

    Returns:
        [height, width, channels] of the file's own type; None if OpenCV cannot decode the file, or the result does not
        have the height and width of `size`.
    """
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if is_out_of_memory(error):
            raise
        return None  # too large for OpenCV
    if decoded is None or (size is not None and decoded.shape[:2] != size):
        return None
    return decoded.reshape(*decoded.shape[:2], -1)


def to_grey(pixels: Pixels) -> Pixels:
    """Convert RGB to grey by ITU-R 601 luma: 0.299 red, 0.587 green, 0.114 blue."""
    return _shaped(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def to_rgb(pixels: Pixels) -> Pixels:
    """Repeat grey three times."""
    return _shaped(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))


def _shaped(pixels: Values) -> Pixels:
    return pixels.reshape(*pixels.shape[:2], -1).astype(np.uint8, copy=False)
