"""Joins sets with common members: the connected components of a graph."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def components(sets: Sequence[Sequence[int]], count: int) -> NDArray[np.int32]:
    """Join sets with common members, and return the number of each index's joined set.

    Args:
        sets: Sets of one or more indices below `count`.
        count: Number of all indices.

    Returns:
        Int32 [count], equal for members of one joined set; an index outside all sets has a number of its own.
    """
    sizes = np.fromiter(map(len, sets), np.int64, len(sets))
    members = np.fromiter(itertools.chain.from_iterable(sets), np.int64, int(sizes.sum()))
    firsts = members[np.cumsum(sizes) - sizes]
    return _components(np.repeat(firsts, sizes), members, count)


def join_sets(sets: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """Join sets with common members until all are disjoint.

    Args:
        sets: Sets of two or more indices below `count`.
        count: Number of all indices.

    Returns:
        Joined sets, each sorted, in the order of their first elements.
    """
    return _gathered(sorted(set(itertools.chain.from_iterable(sets))), components(sets, count))


def join_pairs(pairs: NDArray[np.int64], count: int) -> list[list[int]]:
    """Join pairs with common members.

    Args:
        pairs: Int64 [pairs, 2] of indices below `count`.
        count: Number of all indices.

    Returns:
        Joined sets, each sorted, in the order of their first elements.
    """
    return _gathered(np.unique(pairs).tolist(), _components(pairs[:, 0], pairs[:, 1], count)) if len(pairs) else []


def _components(ones: NDArray[np.int64], others: NDArray[np.int64], count: int) -> NDArray[np.int32]:
    links = coo_array((np.ones(len(ones), np.bool_), (ones, others)), shape=(count, count))
    names: NDArray[np.int32] = connected_components(links, directed=False)[1]
    return names


def _gathered(members: Sequence[int], names: NDArray[np.int32]) -> list[list[int]]:
    sets: dict[int, list[int]] = {}
    for member, name in zip(members, names[members].tolist(), strict=True):
        sets.setdefault(name, []).append(member)
    return list(sets.values())
