"""Exact duplicates: sets of images with equal pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def equal_images(digests: Iterable[str]) -> list[list[int]]:
    """Find the sets of images with equal `StoredImage.digest`.

    Args:
        digests: Digests of images; empty for one that could not be stored.

    Returns:
        Indices, ascending, of each set of two or more images, in the order of their first elements.
    """
    digests = list(digests)
    counts = Counter(digests)
    by_digest: dict[str, list[int]] = {}
    for index, digest in enumerate(digests):
        if digest and counts[digest] > 1:
            by_digest.setdefault(digest, []).append(index)
    return list(by_digest.values())
