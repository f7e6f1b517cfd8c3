"""Stratified division of records in groups that stay together: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kit.sources import Record


@dataclass(frozen=True, slots=True)
class Unit:
    """Records that go to one split and one fold: those of a patient, or an image and its duplicates.

    Attributes:
        records: Records in the source's order; a single one without group and duplicates.
    """

    records: tuple[Record, ...]

    @property
    def key(self) -> str:
        """Key of the first record, as the unit's key."""
        return self.records[0].key


def tie(records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> list[Unit]:
    """Join the records of each group and each tie; groups and ties with a common record become one unit.

    Args:
        records: Records to join.
        ties: Sets of records; those outside `records` are ignored.
    """
    names = _names(records, [*_grouped(records), *_tied(records, ties)])
    units: dict[int, list[Record]] = {}
    for record, name in zip(records, names, strict=True):
        units.setdefault(name, []).append(record)
    return [Unit(tuple(members)) for members in units.values()]


def _grouped(records: Sequence[Record]) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for index, record in enumerate(records):
        if record.group:
            groups.setdefault(record.group, []).append(index)
    return list(groups.values())


def _tied(records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> list[list[int]]:
    indices = {record.id: index for index, record in enumerate(records)} if ties else {}
    tied = ([indices[record.id] for record in members if record.id in indices] for members in ties)
    return [members for members in tied if members]


def _names(records: Sequence[Record], sets: Sequence[Sequence[int]]) -> Sequence[int]:
    """Return the number of each record's unit."""
    if not sets:
        return range(len(records))
    from kit.joined_sets import components  # noqa: PLC0415 (SciPy, for groups and ties only)

    numbers: list[int] = components(sets, len(records)).tolist()
    return numbers


def divide_units(units: Sequence[Unit], shares: Sequence[float]) -> list[list[Unit]]:
    """Divide units by shares, stratified by class as nearly as whole units allow.

    Units are assigned from the largest to the smallest, each to the part that then is nearest to its shares of all
    classes, as in scikit-learn's StratifiedGroupKFold for equal shares. Implemented here, so that shards stay the same
    across versions of scikit-learn.

    Args:
        units: Units in random order, which breaks ties.
        shares: Share of each part; they sum to 1.
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
