"""Images that are the same pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable


def equal_images(digests: Iterable[str]) -> list[list[int]]:
    """Find the sets of images whose `StoredImage.digest` is the same.

    Args:
        digests: of images; empty for one that could not be stored.

    Returns:
        Places, ascending, of each set of two or more; sets sorted by their first.
    """
    by_digest: dict[str, list[int]] = {}
    for place, digest in enumerate(digests):
        if digest:
            by_digest.setdefault(digest, []).append(place)
    return [places for places in by_digest.values() if len(places) > 1]
