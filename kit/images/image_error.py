"""Why a file cannot be stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2

from kit.errors import KitError


class ImageError(KitError):
    """A file is no image that can be stored; the message is the reason alone."""


def damaged(kind: str, why: str = "") -> ImageError:
    """Say that a file of this kind was given up on, and why where that is known."""
    return ImageError(
        f"truncated or damaged {kind}{f': {why}' if why else f', or a kind of {kind} that cannot be decoded'}"
    )


@contextlib.contextmanager
def memory_named() -> Iterator[None]:
    """Run a block; a lack of memory, in NumPy's words or OpenCV's, becomes a reason.

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
    """Tell whether NumPy, Python or OpenCV found no memory."""
    return isinstance(error, MemoryError) or getattr(error, "code", None) == cv2.Error.StsNoMem
