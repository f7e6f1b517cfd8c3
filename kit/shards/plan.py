"""Which record goes into which shard: a pure function of the records, the settings and the seed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.errors import SpecError
from kit.sources import Record
from kit.specs import ShardSpec

SHARD_BYTES = 128 << 20  # 128 MiB: large reads on disks and networks; TensorFlow's guides advise 100 to 200 MB
PARALLEL_SHARDS = 16  # fewer would leave cores idle while writing and reading a mid-sized split
SMALLEST_SHARD = 64  # records; below, a file costs more than it carries

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One file to write.

    Attributes:
        name: the file's.
        split: that it belongs to.
        records: in the order they are written.
    """

    name: str
    split: str
    records: tuple[Record, ...]


def plan_shards(records: Iterable[Record], spec: ShardSpec) -> list[ShardPlan]:
    """Assign records to splits, shuffle each labelled split as a whole, and cut it into shards."""
    plans = []
    for split, members in assign_splits(records, spec).items():
        labelled = all(record.label is not None for record in members)
        ordered = sorted(members, key=lambda r: _draw(spec.seed, "order", r.key)) if labelled else members
        plans += _cut(split, ordered, shard_count(ordered, spec))
    return plans


def assign_splits(records: Iterable[Record], spec: ShardSpec) -> dict[str, list[Record]]:
    """Give every record a split: its own if the source has one, else by seed within its class.

    Records that the source leaves open, and those of its train folder when it has no validation folder,
    are divided by `spec.split`, class by class, with at least one of each class in each split.

    Returns:
        Splits in the order train, validation, test, without empty ones.
    """
    records = list(records)
    given = {record.split for record in records}
    shares = _open_shares(spec, given)
    splits: dict[str, list[Record]] = {name: [] for name in SPLITS}
    divided: dict[str, list[Record]] = {}
    for record in records:
        if record.split is None or (record.split == "train" and len(shares) > 1):
            divided.setdefault(record.label or "", []).append(record)
        else:
            splits[record.split].append(record)
    for members in divided.values():
        drawn = sorted(members, key=lambda record: _draw(spec.seed, "split", record.key))
        for name, part in zip(shares, divide(drawn, list(shares.values())), strict=True):
            splits[name] += part
    return {name: members for name, members in splits.items() if members}


def _open_shares(spec: ShardSpec, given: set[str | None]) -> dict[str, float]:
    """Shares of the splits that the source leaves to kit."""
    shares = dict(zip(SPLITS, spec.split, strict=False))
    if "validation" in given:
        return {"train": 1.0}
    if "test" in given and "test" in shares:
        raise SpecError("the source has a test split of its own; give --split two shares, train/validation")
    return shares


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


def _cut(split: str, records: Sequence[Record], count: int) -> list[ShardPlan]:
    ends = [len(records) * (number + 1) // count for number in range(count)]
    starts = [0, *ends[:-1]]
    return [
        ShardPlan(f"{split}-{number:05d}-of-{count:05d}.tfrecord", split, tuple(records[start:end]))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _draw(seed: int, purpose: str, key: str) -> bytes:
    """Rank a key; a hash stays the same across Python and numpy versions, which their generators do not promise."""
    return hashlib.blake2b(f"{seed}/{purpose}/{key}".encode(), digest_size=8).digest()
