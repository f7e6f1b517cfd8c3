"""Records that stay together, and how they are divided evenly all the same: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.sources import Record


@dataclass(frozen=True, slots=True)
class Unit:
    """Records that go to one split and one fold: a patient's, or an image and its duplicates.

    Attributes:
        records: in the source's order; one where nothing ties it to others.
    """

    records: tuple[Record, ...]

    @property
    def key(self) -> str:
        """The first record's, which stands for all."""
        return self.records[0].key


def tie(records: Sequence[Record], ties: Iterable[Sequence[Record]]) -> list[Unit]:
    """Join the records of each group and of each tie; who shares a record with either belongs to both.

    Args:
        records: to join.
        ties: sets of records; those that are not among `records` do not count.
    """
    places = {id(record): place for place, record in enumerate(records)}
    roots = list(range(len(records)))

    def root(place: int) -> int:
        while roots[place] != place:
            roots[place] = roots[roots[place]]
            place = roots[place]
        return place

    groups: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        if record.group:
            groups.setdefault(record.group, []).append(place)
    tied = ([places[id(record)] for record in members if id(record) in places] for members in ties)
    for first, *others in (members for members in (*groups.values(), *tied) if members):
        for other in others:
            low, high = sorted((root(first), root(other)))
            roots[high] = low
    units: dict[int, list[Record]] = {}
    for place, record in enumerate(records):
        units.setdefault(root(place), []).append(record)
    return [Unit(tuple(members)) for members in units.values()]


def divide_units(units: Sequence[Unit], shares: Sequence[float]) -> list[list[Unit]]:
    """Divide units by shares so that each class is divided by them too, as nearly as whole units allow.

    The largest come first, each to the part that then lies nearest to its shares of all classes (as scikit-learn's
    StratifiedGroupKFold does for equal shares; an implementation of our own keeps shards the same across versions).

    Args:
        units: in random order, which decides among equals.
        shares: of each part; they sum to 1.
    """
    totals = Counter(record.label or "" for unit in units for record in unit.records)
    needs = [{label: share * total for label, total in totals.items()} for share in shares]
    parts: list[list[Unit]] = [[] for _ in shares]
    for unit in sorted(units, key=lambda unit: -len(unit.records)):
        counts = Counter(record.label or "" for record in unit.records)
        costs = [
            sum(count * (count - 2 * need[label]) / totals[label] ** 2 for label, count in counts.items())
            for need in needs
        ]
        chosen = costs.index(min(costs))
        parts[chosen].append(unit)
        for label, count in counts.items():
            needs[chosen][label] -= count
    return parts
