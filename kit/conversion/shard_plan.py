"""Assignment of records to splits, folds and shards: a pure function of the records, the settings and the seed."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass

from kit.conversion.groups import Trains, divide_units, tie
from kit.conversion.stratification import stratify
from kit.datasets.manifest import NO_FOLD
from kit.errors import SourceError, SpecError, option
from kit.sources import Record
from kit.sources.record import RecordId
from kit.specs import ShardSpec
from kit.targets import Target
from kit.targets.classes import Classes

SHARD_BYTES = 128 << 20  # 128 MiB: large reads on disks and networks; TensorFlow's guides advise 100 to 200 MB
PARALLEL_SHARDS = 16  # fewer would leave cores idle while a mid-sized split is written or read
SMALLEST_SHARD = 64  # records; for fewer, the cost of a file exceeds its use

SPLITS = ("train", "validation", "test")

_CLASSES = Classes(names=())  # strata of classes do not depend on their names

Parts = dict[str, dict[int, list[Record]]]  # by split and fold


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One shard to write.

    Attributes:
        name: Name of the file.
        split: Split of the shard.
        records: Records in stored order.
        fold: Fold of the shard; -1 without folds.
    """

    name: str
    split: str
    records: tuple[Record, ...]
    fold: int = NO_FOLD


def plan_shards(
    records: Iterable[Record], spec: ShardSpec, ties: Iterable[Sequence[Record]] = (), target: Target = _CLASSES
) -> list[ShardPlan]:
    """Assign records to splits and folds, shuffle each labelled part as a whole, and cut it into shards.

    Args:
        records: Records in the source's order; those of a group stay together.
        spec: Settings of shares, folds and seed.
        ties: Further sets of records that must stay together, such as duplicates.
        target: Target of the labels, which defines the strata.
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
    """Draw as many records of each class as `spec` says; test and validation splits of the source stay whole.

    Returns:
        The drawn records and the others, both in the order of `records`.

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
    """Assign every record a split and a fold: the source's own split if it has one, else a random one by seed.

    Records without a split in the source, and those of its train folder if it has no validation folder, are divided by
    `spec.split`: stratified by class, with at least one record of each class in each split if groups allow it; by tag
    with iterative stratification; or by the quantiles of values. With folds, all records outside test are divided
    evenly; validation is fold 0. A class of one image, or of one group, is trained on: its images lie in the train
    split, and in no fold.

    Returns:
        Records by split and fold; splits in the order train, validation, test, without empty ones.
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
    """Return the source's splits that are divided anew, and the shares of the new splits."""
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
    shares = [1 / spec.folds] * spec.folds
    *folds, always = division.divide(records, [*shares, 0.0], "fold")
    if empty := sum(not members for members in folds):
        asked = option("folds", spec.folds)
        raise SpecError(f"{asked} leaves {empty} empty: there are too few images or groups; give fewer")
    return {
        "train": {number: members for number, members in enumerate(folds) if number}
        | ({NO_FOLD: always} if always else {}),
        "validation": {0: folds[0]},
    }


def _is_in_train(parts: Collection[int], part: int) -> bool:
    """Whether a class has units in train, the first split."""
    return 0 in {*parts, part}


def _is_in_others(parts: Collection[int], part: int) -> bool:
    """Whether a class has units in two folds, or beside them: each fold is validated by what the others train."""
    return bool({*parts} - {part})


@dataclass(frozen=True, slots=True)
class _Division:
    """Stratified division of records into splits and folds.

    Attributes:
        target: Target of the labels, which defines the strata.
        ties: Sets of records that must stay together.
        seed: Seed of the random order.
    """

    target: Target
    ties: Sequence[Sequence[Record]]
    seed: int

    def divide(self, records: Sequence[Record], shares: Sequence[float], purpose: str) -> list[list[Record]]:
        """Divide records by shares, stratified: exactly without groups and ties, else as evenly as they allow."""
        units = tie(records, self.ties) if self.ties or any(record.group for record in records) else []
        if any(len(unit.records) > 1 for unit in units):
            drawn = [units[index] for index in _order([unit.key for unit in units], self.seed, purpose)]
            parts = divide_units(drawn, shares, self._strata(records), **self._condition(purpose))
            return [[record for unit in part for record in unit.records] for part in parts]
        alone = _drawn(records, self.seed, purpose)
        if self.target.is_partition:
            return _divide_classes(alone, shares, purpose)
        indices = stratify(strata_of(alone, self.target), shares)
        return [[alone[index] for index in part] for part in indices]

    def _condition(self, purpose: str) -> dict[str, Trains]:
        """Choose the condition under which each class has images to train on."""
        if not self.target.is_partition:
            return {}
        return {"trains": _is_in_others if purpose == "fold" else _is_in_train}

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
        cut = divide(members, shares) if purpose == "split" else _deal_or_keep(members, len(shares) - 1, dealt)
        dealt += len(members) - len(cut[-1]) * (purpose == "fold")
        for part, some in zip(parts, cut, strict=True):
            part.extend(some)
    return parts


def _deal_or_keep(members: Sequence[Record], folds: int, dealt: int) -> list[list[Record]]:
    """Deal members into folds; one alone is kept beside them, for it could only train or validate."""
    return [*deal(members, folds, dealt), []] if len(members) > 1 else [*([] for _ in range(folds)), list(members)]


def deal(members: Sequence[Record], count: int, dealt: int) -> list[list[Record]]:
    """Cut `members` into `count` parts whose sizes differ by one at most.

    Args:
        members: Members of one class.
        count: Number of parts.
        dealt: Number of members of other classes dealt before; the extra members continue from there, so that the
            parts of all classes together differ by one at most too.
    """
    sizes = [len(members) // count] * count
    for extra in range(len(members) % count):
        sizes[(dealt + extra) % count] += 1
    ends = list(itertools.accumulate(sizes))
    return [list(members[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def divide(members: Sequence[Record], shares: Sequence[float]) -> list[list[Record]]:
    """Cut `members` by shares that sum to 1, with rounded sizes; no part is empty if there are enough members.

    Of fewer members than parts, each of the first parts has one.
    """
    count = len(members)
    if count < len(shares):
        return [list(members[part : part + 1]) for part in range(len(shares))]
    ends = [round(count * sum(shares[: part + 1])) for part in range(len(shares))]
    for part in range(len(shares) - 1):
        begins = ends[part - 1] if part else 0
        ends[part] = min(max(ends[part], begins + 1), count - (len(shares) - 1 - part))
    starts = [0, *ends[:-1]]
    return [list(members[start:end]) for start, end in zip(starts, ends, strict=True)]


def shard_count(records: Sequence[Record], spec: ShardSpec) -> int:
    """Choose a split's number of shards; the same on every machine."""
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
    """Draw a random order of keys.

    By hashes, because the generators of Python and numpy do not promise the same order across versions.
    """
    prefix = f"{seed}/{purpose}/".encode()
    blake2b = hashlib.blake2b
    ranks = [blake2b(prefix + key.encode(), digest_size=8).digest() for key in keys]
    return sorted(range(len(keys)), key=ranks.__getitem__)
