"""Measurements of images in workers, which return facts instead of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.images import ImageError, ImageHeader, Pixels, StoredImage, read_header, store
from kit.images.perceptual_hash import BLANK_DEVIATION, look_of
from kit.sources import Record
from kit.specs import ImageSpec
from kit.stderr import held_stderr

SATURATED_SHARE = 0.95  # of the values: photographs, slides and X-rays are below 0.42, digits on black near 0.8


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about an image; a Struct because one is made for every image.

    Attributes:
        problem: Reason why the image cannot be stored; empty if it can.
        kind: Format of the file; empty if unknown.
        mode: Format, channels and their type, such as "TIFF, 3 x uint16".
        height: Height of the upright image, pixels; 0 if unknown.
        width: Width of the upright image, pixels; 0 if unknown.
        channels: Number of stored channels.
        bits: Bits per channel.
        pages: Number of pages of a TIFF; 1 otherwise.
        mean: Mean of all values of the 8-bit RGB image, 0 to 255.
        deviation: Standard deviation of the channel that varies most, 0 to 127.5.
        saturated: Share of values that are 0 or 255.
        digest: Hash of the pixels, equal for equal pixels of one shape; empty for an unreadable image.
        look: 64-bit perceptual hash.
        thumbnail: Grey thumbnail, uint8 [THUMBNAIL, THUMBNAIL] row by row, stretched to 0 to 255.
    """

    problem: str = ""
    kind: str = ""
    mode: str = ""
    height: int = 0
    width: int = 0
    channels: int = 0
    bits: int = 0
    pages: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    saturated: float = 0.0
    digest: str = ""
    look: int = 0
    thumbnail: bytes = b""

    @property
    def is_blank(self) -> bool:
        """Whether the image is blank."""
        return bool(self.digest) and self.deviation < BLANK_DEVIATION

    @property
    def is_saturated(self) -> bool:
        """Whether most of the image is pure black or white, although the file could hold other values."""
        return bool(self.digest) and self.bits > 1 and not self.is_blank and self.saturated > SATURATED_SHARE


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """Records to measure, and the settings for decoding them."""

    records: tuple[Record, ...]
    spec: ImageSpec


def measure_images(task: MeasureTask) -> list[Facts]:
    """Measure each record's image; for one that cannot be stored, only the header."""
    with held_stderr():  # libjpeg writes its warnings directly to stderr
        return [_measure(record, task.spec) for record in task.records]


def _measure(record: Record, spec: ImageSpec) -> Facts:
    known = Facts()
    try:
        content = record.file.read()
        known = _of_header(read_header(content)) if isinstance(content, bytes) else _of_array(content)
        return _of_image(known, store(content, spec))
    except ImageError as error:
        return msgspec.structs.replace(known, problem=str(error))
    except OSError as error:
        return msgspec.structs.replace(known, problem=f"cannot be read: {error.strerror}")


def _of_header(header: ImageHeader) -> Facts:
    return Facts(
        kind=header.kind,
        mode=header.source,
        height=header.height,
        width=header.width,
        channels=header.channels,
        bits=header.bits,
        pages=header.pages,
    )


def _of_array(pixels: NDArray[Any]) -> Facts:
    height, width, *channels = pixels.shape
    count, kind = (channels or [1])[0], pixels.dtype
    bits = 1 if kind == np.bool_ else kind.itemsize * 8
    mode = f"array, {count} x {kind}"
    return Facts(kind="array", mode=mode, height=height, width=width, channels=count, bits=bits, pages=1)


def _of_image(known: Facts, image: StoredImage) -> Facts:
    pixels = _pixels(image)
    means, deviations = cv2.meanStdDev(pixels)
    ends = np.count_nonzero(pixels + np.uint8(1) <= 1)  # 255 + 1 is 0: one comparison finds both
    look, thumbnail = look_of(pixels)
    return msgspec.structs.replace(
        known,
        height=image.height,
        width=image.width,
        mean=float(np.mean(means)),
        deviation=float(np.max(deviations)),
        saturated=ends / pixels.size,
        digest=image.digest,
        look=look,
        thumbnail=thumbnail,
    )


def _pixels(image: StoredImage) -> Pixels:
    return np.frombuffer(image.encoded, np.uint8).reshape(image.height, image.width, image.channels)


def read_pixels(record: Record, spec: ImageSpec) -> Pixels:
    """Decode a record's image.

    Returns:
        Uint8 [height, width, 3].

    Raises:
        ImageError: The image cannot be decoded; the message gives the reason.
        OSError: The file cannot be read.
    """
    return _pixels(store(record.file.read(), spec))


def storing_spec(scale: str) -> ImageSpec:
    """Return the settings for decoding images to 8-bit RGB at their own size, unencoded."""
    return ImageSpec(encoding="raw", scale=scale)


def chunks(records: Sequence[Record], size: int, spec: ImageSpec) -> list[MeasureTask]:
    """Cut records into tasks of at most `size`."""
    return [MeasureTask(tuple(records[start : start + size]), spec) for start in range(0, len(records), size)]
