"""Sets of duplicates and near-duplicates across splits and classes: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.sources import Record


@dataclass(frozen=True, slots=True)
class Alike:
    """A set of duplicates or near-duplicates.

    Attributes:
        indices: Indices of two or more images among the audit's, ascending.
        across_splits: Whether they are in several splits.
        across_classes: Whether they have several labels.
    """

    indices: tuple[int, ...]
    across_splits: bool
    across_classes: bool


def place_sets(sets: Iterable[Sequence[int]], records: Sequence[Record]) -> tuple[Alike, ...]:
    """Return whether each set is across splits or classes; such sets are sorted first, then larger ones."""
    placed = [
        Alike(
            tuple(indices),
            across_splits=len({records[index].split for index in indices}) > 1,
            across_classes=len({records[index].label for index in indices} - {None}) > 1,
        )
        for indices in sets
    ]
    return tuple(sorted(placed, key=lambda s: (-(s.across_splits + s.across_classes), -len(s.indices), s.indices)))
