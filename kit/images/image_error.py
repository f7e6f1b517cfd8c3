"""Errors of images that cannot be stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2

from kit.errors import KitError


class ImageError(KitError):
    """A file is not an image that kit can store; the message is the reason alone."""


def damaged(kind: str, why: str = "") -> ImageError:
    """Make the error of a file of this kind that cannot be decoded, with the reason if it is known."""
    return ImageError(
        f"truncated or damaged {kind}{f': {why}' if why else f', or a kind of {kind} that cannot be decoded'}"
    )


@contextlib.contextmanager
def memory_named() -> Iterator[None]:
    """Run a block, and translate an out-of-memory error of NumPy or OpenCV.

    Raises:
        ImageError: Memory ran out.
    """
    try:
        yield
    except (MemoryError, cv2.error) as error:
        if not is_out_of_memory(error):
            raise
        raise ImageError("needs more memory than is free") from error


def is_out_of_memory(error: Exception) -> bool:
    """Return whether NumPy, Python or OpenCV found no memory."""
    return isinstance(error, MemoryError) or getattr(error, "code", None) == cv2.Error.StsNoMem
