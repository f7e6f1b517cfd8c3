"""Stratified division of records in groups that stay together: pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

from kit.sources import Record
from kit.sources.record import RecordId


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


Trains = Callable[[Collection[int], int], bool]
"""Function of the parts that hold a class and of one more that tells whether some of its images can be trained on."""


def divide_units(
    units: Sequence[Unit],
    shares: Sequence[float],
    strata: Mapping[RecordId, Sequence[Hashable]] | None = None,
    *,
    trains: Trains = lambda *_: True,
) -> list[list[Unit]]:
    """Divide units by shares, stratified as nearly as whole units allow.

    Units are assigned from the largest to the smallest, each to the part that then is nearest to its shares of all
    strata, as in scikit-learn's StratifiedGroupKFold for equal shares. Implemented here, so that shards stay the same
    across versions of scikit-learn.

    Args:
        units: Units in random order, which breaks ties.
        shares: Share of each part; they sum to 1. A part without a share, the last, takes what no other may.
        strata: Strata of each record by its id; None for its class.
        trains: Condition on where the last unit of a stratum goes.
    """
    totals = Counter(name for unit in units for name in _strata(unit, strata))
    left = Counter(name for unit in units for name in set(_strata(unit, strata)))  # units of each stratum
    squares = {name: total**2 for name, total in totals.items()}
    needs = [{label: share * total for label, total in totals.items()} for share in shares]
    parts: list[list[Unit]] = [[] for _ in shares]
    held: dict[Hashable, set[int]] = {name: set() for name in totals}
    with_share = [part for part, share in enumerate(shares) if share]
    for unit in sorted(units, key=lambda unit: -len(unit.records)):
        names = _strata(unit, strata)
        counts = {names[0]: 1} if len(names) == 1 else Counter(names)  # most of millions of units have one
        last = [held[name] for name in counts if left[name] == 1]
        allowed = (
            [part for part in with_share if all(trains(parts_of, part) for parts_of in last)] if last else with_share
        )
        allowed = allowed or [len(shares) - 1]
        costs = _costs(counts, [needs[part] for part in allowed], squares)
        chosen = allowed[costs.index(min(costs))]
        parts[chosen].append(unit)
        for label, count in counts.items():
            needs[chosen][label] -= count
            left[label] -= 1
            held[label].add(chosen)
    return parts


def _costs(
    counts: Mapping[Hashable, int], needs: Sequence[Mapping[Hashable, float]], squares: Mapping[Hashable, int]
) -> list[float]:
    """Compute how far each part would be from its shares with a unit of these strata, compared with now."""
    if len(counts) == 1:
        ((label, count),) = counts.items()
        square = squares[label]
        return [count * (count - 2 * need[label]) / square for need in needs]
    return [
        sum(count * (count - 2 * need[label]) / squares[label] for label, count in counts.items()) for need in needs
    ]


def _strata(unit: Unit, strata: Mapping[RecordId, Sequence[Hashable]] | None) -> list[Hashable]:
    if strata is None:
        return [record.label or "" for record in unit.records]
    return [name for record in unit.records for name in strata[record.id]]
