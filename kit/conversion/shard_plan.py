"""Which record goes into which shard: a pure function of the records, the settings and the seed."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from kit.conversion.groups import divide_units, tie
from kit.conversion.stratification import stratify
from kit.datasets.manifest import NO_FOLD
from kit.errors import SourceError, SpecError, option
from kit.sources import Record
from kit.sources.record import RecordId
from kit.specs import ShardSpec
from kit.targets import Target
from kit.targets.classes import Classes

SHARD_BYTES = 128 << 20  # 128 MiB: large reads on disks and networks; TensorFlow's guides advise 100 to 200 MB
PARALLEL_SHARDS = 16  # fewer would leave cores idle while writing and reading a mid-sized split
SMALLEST_SHARD = 64  # records; below, a file costs more than it carries

SPLITS = ("train", "validation", "test")

_CLASSES = Classes(names=())  # strata of classes do not depend on their names

Parts = dict[str, dict[int, list[Record]]]  # by split and fold


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One file to write.

    Attributes:
        name: Name of the file.
        split: Split that it belongs to.
        records: Records in the order in which they are written.
        fold: Fold of all of them; -1 without folds.
    """

    name: str
    split: str
    records: tuple[Record, ...]
    fold: int = NO_FOLD


def plan_shards(
    records: Iterable[Record], spec: ShardSpec, ties: Iterable[Sequence[Record]] = (), target: Target = _CLASSES
) -> list[ShardPlan]:
    """Assign records to splits and folds, shuffle each labelled one as a whole, and cut it into shards.

    Args:
        records: Records as the source gives them; those of a group stay together.
        spec: Settings that decide shares, folds and order.
        ties: Sets of records that must stay together too, as duplicates must.
        target: Target of the labels, which decides what each split and fold gets its share of.
    """
    plans = []
    for split, parts in assign_splits(records, spec, ties, target).items():
        cuts: list[tuple[int, Sequence[Record]]] = []
        for fold, members in parts.items():
            labelled = all(record.label is not None for record in members)
            ordered = _drawn(members, spec.seed, "order") if labelled else members
            cuts += [(fold, part) for part in _cut(ordered, shard_count(ordered, spec))]
        plans += [
            ShardPlan(f"{split}-{number:05d}-of-{len(cuts):05d}.tfrecord", split, tuple(part), fold)
            for number, (fold, part) in enumerate(cuts)
        ]
    return plans


def sample(records: Sequence[Record], spec: ShardSpec, target: Target = _CLASSES) -> tuple[list[Record], list[Record]]:
    """Take as many records of each class as `spec` asks, by seed; test and validation splits that are given stay whole.

    Returns:
        What is taken and what is left out, both in the order of `records`.

    Raises:
        SourceError: A class has too few.
        SpecError: Images have no classes, or several tags at a time.
    """
    if not (spec.balance or spec.per_class):
        return list(records), []
    if not target.is_partition:
        asked = option("per_class", spec.per_class) if spec.per_class else option("undersample", True)
        raise SpecError(f"{asked} takes images of each class; this dataset's target is {target.kind()}, leave it out")
    by_class: dict[str, list[Record]] = {}
    for record in records:
        if record.label is not None and record.split in {None, "train"}:
            by_class.setdefault(record.label, []).append(record)
    smallest, count = min((len(members), label) for label, members in by_class.items())
    wanted = spec.per_class or smallest
    if smallest < wanted:
        raise SourceError(
            f"class '{count}' has {smallest:,} images, fewer than the {wanted:,} that are to be taken of each class;"
            f" give {option('per_class', smallest)}, or {option('undersample', True)}"
        )
    left = {record.id for members in by_class.values() for record in _drawn(members, spec.seed, "sample")[wanted:]}
    return [r for r in records if r.id not in left], [r for r in records if r.id in left]


def assign_splits(
    records: Iterable[Record], spec: ShardSpec, ties: Iterable[Sequence[Record]] = (), target: Target = _CLASSES
) -> Parts:
    """Give every record a split and a fold: its own split if the source has one, else by seed.

    Records that the source leaves open, and those of its train folder when it has no validation folder,
    are divided by `spec.split`: class by class, with at least one of each class in each split if no group is in the
    way; tags by iterative stratification, and values by their quantiles. With folds, all that is not test is divided
    evenly; validation is fold 0.

    Returns:
        Splits in the order train, validation, test, without empty ones; each by fold.
    """
    records = list(records)
    open_splits, shares = _open_shares(spec, {record.split for record in records})
    is_open = [record.split in open_splits for record in records]
    splits: dict[str, list[Record]] = {name: [] for name in SPLITS}
    for record, opened in zip(records, is_open, strict=True):
        if not opened:
            splits[str(record.split)].append(record)
    divided = [record for record, opened in zip(records, is_open, strict=True) if opened]
    ties = list(ties)
    division = _Division(target, ties, spec.seed)
    for name, members in zip(shares, division.divide(divided, list(shares.values()), "split"), strict=True):
        splits[name] += members
    parts: Parts = {name: {NO_FOLD: members} for name, members in splits.items() if members}
    if spec.folds:
        parts |= _fold(splits["train"], division, spec)
    return {name: parts[name] for name in SPLITS if name in parts}


def _open_shares(spec: ShardSpec, given: set[str | None]) -> tuple[set[str | None], dict[str, float]]:
    """Name the splits of the source that kit divides anew, and the shares it divides them by."""
    shares = dict(zip(SPLITS, spec.split, strict=False))
    if "validation" in given and not spec.folds:
        return {None}, {"train": 1.0}
    if "test" in given and "test" in shares:
        two = option("split", (0.7, 0.3), typed="two shares, train/validation")
        raise SpecError(f"the source has a test split of its own; give {two}")
    if spec.folds:
        held_back = shares.get("test", 0.0)
        whole = {"train": 1 - held_back, "test": held_back} if held_back else {"train": 1.0}
        return {None, "train", "validation"}, whole
    return {None, "train"}, shares


def _fold(records: Sequence[Record], division: _Division, spec: ShardSpec) -> Parts:
    folds = division.divide(records, [1 / spec.folds] * spec.folds, "fold")
    if empty := sum(not members for members in folds):
        asked = option("folds", spec.folds)
        raise SpecError(f"{asked} leaves {empty} empty: there are too few images or groups; give fewer")
    return {
        "train": {number: members for number, members in enumerate(folds) if number},
        "validation": {0: folds[0]},
    }


@dataclass(frozen=True, slots=True)
class _Division:
    """How records are divided into splits and folds.

    Attributes:
        target: Target of their labels.
        ties: Sets of records that must stay together.
        seed: Seed of what is drawn.
    """

    target: Target
    ties: Sequence[Sequence[Record]]
    seed: int

    def divide(self, records: Sequence[Record], shares: Sequence[float], purpose: str) -> list[list[Record]]:
        """Divide records by shares: exactly, stratum by stratum, where each stands alone; else as groups allow."""
        units = tie(records, self.ties) if self.ties or any(record.group for record in records) else []
        if any(len(unit.records) > 1 for unit in units):
            drawn = [units[index] for index in _order([unit.key for unit in units], self.seed, purpose)]
            parts = divide_units(drawn, shares, self._strata(records))
            return [[record for unit in part for record in unit.records] for part in parts]
        alone = _drawn(records, self.seed, purpose)
        if self.target.is_partition:
            return _divide_classes(alone, shares, purpose)
        indices = stratify(strata_of(alone, self.target), shares)
        return [[alone[index] for index in part] for part in indices]

    def _strata(self, records: Sequence[Record]) -> dict[RecordId, Sequence[Hashable]] | None:
        """Name the strata of each record, and one of all: parts of images of several tags differ in size otherwise."""
        if self.target.is_partition:
            return None
        strata = strata_of(records, self.target)
        return {record.id: (*names, None) for record, names in zip(records, strata, strict=True)}


def strata_of(records: Sequence[Record], target: Target) -> list[tuple[str, ...]]:
    """Name the strata of each record; those without a label have one of their own."""
    named = iter(target.strata([record.label for record in records if record.label is not None]))
    return [("",) if record.label is None else next(named) for record in records]


def _divide_classes(records: Iterable[Record], shares: Sequence[float], purpose: str) -> list[list[Record]]:
    parts: list[list[Record]] = [[] for _ in shares]
    by_class: dict[str, list[Record]] = {}
    for record in records:
        by_class.setdefault(record.label or "", []).append(record)
    dealt = 0
    for members in by_class.values():
        cut = deal(members, len(shares), dealt) if purpose == "fold" else divide(members, shares)
        dealt += len(members)
        for part, some in zip(parts, cut, strict=True):
            part.extend(some)
    return parts


def deal(members: Sequence[Record], count: int, dealt: int) -> list[list[Record]]:
    """Cut `members` into `count` parts that differ by one at most.

    Args:
        members: Members of one class.
        count: Number of parts.
        dealt: Members of other classes that were dealt before; the next extra member goes on from there, so that the
            parts of all classes together differ by one at most too.
    """
    sizes = [len(members) // count] * count
    for extra in range(len(members) % count):
        sizes[(dealt + extra) % count] += 1
    ends = list(itertools.accumulate(sizes))
    return [list(members[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def divide(members: Sequence[Record], shares: Sequence[float]) -> list[list[Record]]:
    """Cut `members` by shares that sum to 1, each part rounded and none empty while members last."""
    count = len(members)
    ends = [round(count * sum(shares[: part + 1])) for part in range(len(shares))]
    for part in range(len(shares) - 1):
        begins = ends[part - 1] if part else 0
        ends[part] = min(max(ends[part], begins + 1), count - (len(shares) - 1 - part))
    ends = [max(0, end) for end in ends]
    starts = [0, *ends[:-1]]
    return [list(members[start:end]) for start, end in zip(starts, ends, strict=True)]


def shard_count(records: Sequence[Record], spec: ShardSpec) -> int:
    """Choose how many shards a split gets; the same on every machine."""
    if spec.image.size:
        total = len(records) * spec.image.size[0] * spec.image.size[1] * spec.image.channels
    else:
        total = sum(record.file.size for record in records)
    wanted = max(math.ceil(total / SHARD_BYTES), PARALLEL_SHARDS)
    return max(1, min(wanted, len(records) // SMALLEST_SHARD))


def _cut(records: Sequence[Record], count: int) -> list[Sequence[Record]]:
    ends = [len(records) * (number + 1) // count for number in range(count)]
    starts = [0, *ends[:-1]]
    return [records[start:end] for start, end in zip(starts, ends, strict=True)]


def _drawn(records: Sequence[Record], seed: int, purpose: str) -> list[Record]:
    """Shuffle records by their keys."""
    return [records[index] for index in _order([record.key for record in records], seed, purpose)]


def _order(keys: Sequence[str], seed: int, purpose: str) -> list[int]:
    """Draw an order of keys.

    A hash stays the same across Python and numpy versions, which their generators do not promise.
    """
    prefix = f"{seed}/{purpose}/".encode()
    blake2b = hashlib.blake2b
    ranks = [blake2b(prefix + key.encode(), digest_size=8).digest() for key in keys]
    return sorted(range(len(keys)), key=ranks.__getitem__)
