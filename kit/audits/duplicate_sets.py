"""Images that are the same or look the same, and where they lie: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.sources import Record


@dataclass(frozen=True, slots=True)
class Alike:
    """A set of images that are the same, or look the same.

    Attributes:
        places: Indices of two or more images among the audit's, ascending.
        across_splits: Whether they lie in several splits.
        across_classes: Whether they have several labels.
    """

    places: tuple[int, ...]
    across_splits: bool
    across_classes: bool


def place_sets(sets: Iterable[Sequence[int]], records: Sequence[Record]) -> tuple[Alike, ...]:
    """Say of each set whether it lies across splits or classes; those that do come first, then the larger ones."""
    placed = [
        Alike(
            tuple(places),
            across_splits=len({records[place].split for place in places}) > 1,
            across_classes=len({records[place].label for place in places} - {None}) > 1,
        )
        for places in sets
    ]
    return tuple(sorted(placed, key=lambda s: (-(s.across_splits + s.across_classes), -len(s.places), s.places)))
