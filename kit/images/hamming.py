"""Hamming distances, and the pairs of hashes within a distance: pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BITS = 64

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_CHUNK = 1 << 20  # pairs compared at once
_WORD = 16  # bits counted by one look-up
_ONES = np.array([number.bit_count() for number in range(1 << _WORD)], np.uint8)


def hamming(one: Hashes, other: Hashes) -> NDArray[np.uint8]:
    """Count the differing bits of hashes.

    Args:
        one: Uint64 [n].
        other: Uint64 [n].

    Returns:
        Uint8 [n].
    """
    words = (one ^ other).view(np.uint16).reshape(-1, BITS // _WORD)
    return _ONES[words[:, 0]] + _ONES[words[:, 1]] + _ONES[words[:, 2]] + _ONES[words[:, 3]]


def near_pairs(hashes: Hashes, distance: int) -> Places:
    """Find every pair of hashes that differ in at most `distance` bits.

    Args:
        hashes: Uint64 [n].
        distance: Largest number of differing bits, 0 to 63.

    Returns:
        Int64 [pairs, 2], indices with the lower one first; sorted.
    """
    pairs = near_pairs_between(hashes, hashes, distance)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def near_pairs_between(hashes: Hashes, others: Hashes, distance: int) -> Places:
    """Find every pair of one of `hashes` and one of `others` that differ in at most `distance` bits.

    If hashes are cut into distance + 1 bands of bits, such a pair agrees in at least one band, so only pairs with a
    common band are compared: 100,000 hashes take seconds instead of the minutes for all pairs.

    Args:
        hashes: Uint64 [n].
        others: Uint64 [m].
        distance: Largest number of differing bits, 0 to 63.

    Returns:
        Int64 [pairs, 2], indices in `hashes` and in `others`; sorted.
    """
    count = max(len(others), 1)
    edges = [BITS * band // (distance + 1) for band in range(distance + 2)]
    codes = np.empty(0, np.int64)  # a pair as one number, index * count + other index
    for low, high in itertools.pairwise(edges):
        mask = np.uint64((1 << (high - low)) - 1)
        found = [codes]
        for one, other in _sharing((hashes >> np.uint64(low)) & mask, (others >> np.uint64(low)) & mask):
            near = hamming(hashes[one], others[other]) <= distance
            found.append(one[near] * count + other[near])
        codes = np.unique(np.concatenate(found))
    return np.stack(np.divmod(codes, count), axis=1)


def _sharing(band: Hashes, others: Hashes) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs of equal values in chunks."""
    order = np.argsort(others, kind="stable")
    ordered = others[order]
    starts = np.searchsorted(ordered, band, "left")
    counts = np.searchsorted(ordered, band, "right") - starts
    ends = np.cumsum(counts)
    first = 0
    while first < len(band):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + _CHUNK, "right")))
        some = counts[first:last]
        one = np.repeat(np.arange(first, last), some)
        steps = np.arange(len(one)) - np.repeat(np.cumsum(some) - some, some)
        yield one, order[np.repeat(starts[first:last], some) + steps]
        first = last
