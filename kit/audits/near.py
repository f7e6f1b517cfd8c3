"""Pairs of hashes that differ in a few bits, and the sets that pairs make: pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BITS = 64

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_WORD = 16  # bits that one look-up counts
_ONES = np.array([number.bit_count() for number in range(1 << _WORD)], np.uint8)


def hamming(one: Hashes, other: Hashes) -> NDArray[np.uint8]:
    """Count the bits in which hashes differ.

    Args:
        one: uint64 [n].
        other: uint64 [n].

    Returns:
        uint8 [n].
    """
    words = (one ^ other).view(np.uint16).reshape(-1, BITS // _WORD)
    return _ONES[words[:, 0]] + _ONES[words[:, 1]] + _ONES[words[:, 2]] + _ONES[words[:, 3]]


def near_pairs(hashes: Hashes, distance: int) -> Places:
    """Find every pair of hashes that differ in at most `distance` bits.

    Cut into distance + 1 bands of bits, two such hashes agree in one band at least, so that only those are compared
    which share a band: 100,000 hashes need seconds instead of the minutes of all pairs.

    Args:
        hashes: uint64 [n].
        distance: bits, 0 to 63.

    Returns:
        int64 [pairs, 2] of places, the lower first; sorted.
    """
    count = len(hashes)
    edges = [BITS * band // (distance + 1) for band in range(distance + 2)]
    codes = np.empty(0, np.int64)  # a pair as one number, lower place * count + higher place
    for low, high in itertools.pairwise(edges):
        band = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        found = [codes]
        for one, other in _sharing(band):
            near = hamming(hashes[one], hashes[other]) <= distance
            found.append(np.minimum(one[near], other[near]) * count + np.maximum(one[near], other[near]))
        codes = np.unique(np.concatenate(found))
    return np.stack(np.divmod(codes, max(count, 1)), axis=1)


def _sharing(band: Hashes) -> Iterator[tuple[Places, Places]]:
    """Yield the pairs of equal values, first those next to each other in sorted order, then at two steps, and so on."""
    order = np.argsort(band, kind="stable")
    ordered = band[order]
    starts = np.arange(len(band))
    for step in itertools.count(1):
        starts = starts[starts + step < len(band)]
        starts = starts[ordered[starts] == ordered[starts + step]]
        if not len(starts):
            return
        yield order[starts], order[starts + step]


def join_pairs(pairs: Places, count: int) -> list[list[int]]:
    """Join pairs that share a member.

    Args:
        pairs: int64 [pairs, 2] of places below `count`.
        count: of all places.

    Returns:
        Sets of two or more places, each sorted, sorted by their first.
    """
    if not len(pairs):
        return []
    links = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, names = connected_components(links, directed=False)
    sets: dict[int, list[int]] = {}
    for place in np.unique(pairs).tolist():
        sets.setdefault(int(names[place]), []).append(place)
    return list(sets.values())
