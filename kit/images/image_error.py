"""Why a file cannot be stored."""

from __future__ import annotations

from kit.errors import KitError


class ImageError(KitError):
    """A file is no image that can be stored; the message is the reason alone."""


def damaged(kind: str, why: str = "") -> ImageError:
    """Say that a file of this kind was given up on, and why where that is known."""
    return ImageError(
        f"truncated or damaged {kind}{f': {why}' if why else f', or a kind of {kind} that cannot be decoded'}"
    )
