"""Images of several strata each, divided so that every stratum is divided by the same shares: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def stratify(strata: Sequence[tuple[str, ...]], shares: Sequence[float]) -> list[list[int]]:
    """Divide images by shares, and their strata as nearly as can be.

    Parts are as large as their shares say, but for one image.

    Args:
        strata: Strata of n images in random order: the tags of an image, or the quantile of each of its values.
        shares: Share of each part; they sum to 1.

    Returns:
        Indices of the images of each part, ascending.
    """
    is_single = all(len(names) == 1 for names in strata)
    chosen = _deal_in_turn(strata, shares) if is_single else _iterate(strata, shares)
    return [[index for index, part in enumerate(chosen) if part == number] for number in range(len(shares))]


def _deal_in_turn(strata: Sequence[tuple[str, ...]], shares: Sequence[float]) -> list[int]:
    """Deal stratum after stratum, each image to the part that then lacks most of its share of all so far."""
    chosen = [0] * len(strata)
    needs = [0.0] * len(shares)
    for index in sorted(range(len(strata)), key=lambda index: strata[index]):
        needs = [need + share for need, share in zip(needs, shares, strict=True)]
        chosen[index] = needs.index(max(needs))
        needs[chosen[index]] -= 1
    return chosen


def _iterate(strata: Sequence[tuple[str, ...]], shares: Sequence[float]) -> list[int]:
    """Deal the images of the rarest stratum first, each to the part that lacks most of it (Sechidis et al. 2011).

    Iterative stratification, doi:10.1007/978-3-642-23808-6_10, with one difference: a part that has its share of all
    images takes no more. Of parts that lack as much, the one that lacks most images is taken, the first of equals.
    Images without any tag, whose stratum is called "", come last: they fill the parts up.
    """
    left = Counter(name for names in strata for name in names)
    needs = {name: [share * count for share in shares] for name, count in left.items()}
    members: dict[str, list[int]] = {name: [] for name in left}
    for index, names in enumerate(strata):
        for name in names:
            members[name].append(index)
    chosen = [-1] * len(strata)
    room = part_sizes(len(strata), shares)
    while left:
        rarest = min(left, key=lambda name: (not name, left[name], name))
        for index in (index for index in members[rarest] if chosen[index] < 0):
            lacking = needs[rarest]
            part = max((part for part, size in enumerate(room) if size), key=lambda part: (lacking[part], room[part]))
            chosen[index] = part
            room[part] -= 1
            for name in strata[index]:
                needs[name][part] -= 1
                left[name] -= 1
        left = +left  # those that have images to deal
    return chosen


def part_sizes(count: int, shares: Sequence[float]) -> list[int]:
    """Count the images of each part: its share rounded down, or up for those that lose most by it."""
    exact = [count * share for share in shares]
    sizes = [int(size) for size in exact]
    losses = sorted(range(len(shares)), key=lambda part: sizes[part] - exact[part])
    for part in losses[: count - sum(sizes)]:
        sizes[part] += 1
    return sizes
