"""Images that are the same pixel by pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def equal_images(digests: Iterable[str]) -> list[list[int]]:
    """Find the sets of images whose `StoredImage.digest` is the same.

    Args:
        digests: Digests of images; empty for one that could not be stored.

    Returns:
        Places, ascending, of each set of two or more; sets sorted by their first.
    """
    digests = list(digests)
    counts = Counter(digests)
    by_digest: dict[str, list[int]] = {}
    for index, digest in enumerate(digests):
        if digest and counts[digest] > 1:
            by_digest.setdefault(digest, []).append(index)
    return list(by_digest.values())
