"""The manifest of a dataset: written last, with the checksums of the shards."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kit.errors import require
from kit.names import checked_id, checked_name
from kit.sources import UNLABELLED
from kit.specs import DataSpec, ShardSpec, SourceSpec
from kit.specs.image import size_text
from kit.targets import AnyTarget, Target

FORMAT_VERSION = 4
READABLE = frozenset({3, FORMAT_VERSION})  # version 3 knew classes only
NO_FOLD = -1


class ShardInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One shard of a dataset.

    Attributes:
        name: Name of the file beside the manifest.
        split: Split of the shard.
        records: Records in the file.
        bytes: Size of the file, bytes.
        xxh128: XXH128 of the file's bytes, as printed by `xxhsum -H2`; ten times as fast as SHA-256, it detects
            damage, but not forgery.
        fold: Fold of all its records; -1 without folds.
    """

    name: str
    split: str
    fold: int = NO_FOLD
    records: int
    bytes: int
    xxh128: str

    def __post_init__(self) -> None:
        """Refuse names that lead elsewhere."""
        checked_name(self.name, "shard")
        checked_name(self.split, "split")


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Common properties of the stored images.

    Attributes:
        formats: Number of images of each format.
        height: Smallest and largest height, pixels.
        width: Smallest and largest width, pixels.
        channels: Channels of every decoded image.
        sources: Number of images of each kind of source file, such as "TIFF, 3 x uint16".
    """

    formats: dict[str, int]
    height: tuple[int, int]
    width: tuple[int, int]
    channels: int
    sources: dict[str, int]

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of every image; None if they differ."""
        if self.height[0] != self.height[1] or self.width[0] != self.width[1]:
            return None
        return self.height[0], self.width[0], self.channels


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Source of a dataset's images.

    Attributes:
        spec: Settings of the source.
        files: Number of images found.
        digest: Hash of all keys, labels, splits and groups, and the files' names, sizes and modification times.
        labels_xxh128: XXH128 of the label file; unset without one, and in older datasets.
    """

    spec: SourceSpec
    files: int
    digest: str
    labels_xxh128: str | msgspec.UnsetType = msgspec.UNSET


class NodeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A machine of a cluster that wrote shards.

    Attributes:
        id: Name that the cluster gave it.
        address: Network address.
        shards: Names of its shards: where a shard proves damaged, the others of the machine are suspect, too.
    """

    id: str
    address: str
    shards: tuple[str, ...]


class DuplicateInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of images that are equal pixel by pixel.

    Attributes:
        sets: Number of sets of equal images.
        images: Number of images in them.
        across_splits: Number of sets in several splits of the source.
        across_classes: Number of sets with different labels.
    """

    sets: int = 0
    images: int = 0
    across_splits: int = 0
    across_classes: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's manifest.json.

    Attributes:
        name: Name of the dataset.
        target: Meaning of the labels, with the names of the classes, tags or grades, or of the values.
        label_columns: Columns of the label file that held the labels; empty for folders, arrays and older datasets.
        counts: Images of each of these names, and of "unlabelled", in each split; an image with several tags counts for
            each.
        folds: Images of each name in each fold; empty without folds.
        groups: Groups that records belong to, such as patients.
        groups_across_splits: Groups in several splits, because the source itself divides them.
        duplicates: Sets of equal images, listed in duplicates.csv.
        sample_submission: Whether there is a copy of the sample submission beside the manifest.
        rejects: Number of bad inputs, listed in rejects.csv.
        left_out: Number of inputs left out on purpose or that are not images, listed there too.
        left_out_reasons: Number of inputs left out, by reason, the most frequent first; empty in older datasets.
        not_taken: Number of images of each class left out by undersampling; empty if all are taken.
        near_duplicates: Number of sets that stay together because they look the same, listed in near_duplicates.csv.
        fingerprint: Fingerprint of classes and shards; runs and submissions carry it.
        recipe: Recipe, or arm as RECIPE/ARM, whose data settings were used, except those given as options; empty for
            none.
        files: XXH128 of each file beside the shards, by its name.
        nodes: Machines of a Ray cluster, each with the shards that it wrote; shards written without Ray, such as those
            of a part, are in none. Unset if all are. The fingerprint does not depend on it.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    format_version: int = FORMAT_VERSION
    name: str
    target: AnyTarget
    label_columns: tuple[str, ...] = ()
    counts: dict[str, dict[str, int]]
    folds: dict[int, dict[str, int]]
    groups: int
    groups_across_splits: int
    duplicates: DuplicateInfo
    image: ImageInfo
    shards: tuple[ShardInfo, ...]
    source: SourceInfo
    settings: ShardSpec
    sample_submission: bool
    rejects: int
    left_out: int
    left_out_reasons: dict[str, int] = {}
    not_taken: dict[str, int] = {}
    near_duplicates: DuplicateInfo = DuplicateInfo()
    fingerprint: str
    recipe: str = ""
    files: dict[str, str] = {}
    nodes: tuple[NodeInfo, ...] | msgspec.UnsetType = msgspec.UNSET
    seal: str = ""

    def __post_init__(self) -> None:
        """Refuse names that lead elsewhere."""
        checked_id(self.name, "dataset")
        for name in self.files:
            checked_name(name, "file")
        for split in self.counts:
            checked_name(split, "split")

    def refuse_contradictions(self) -> None:
        """Refuse fields that contradict each other.

        Raises:
            SpecError: Fields contradict each other.
        """
        for problem, applies in self._contradictions():
            require(not applies, problem)

    def _contradictions(self) -> Iterator[tuple[str, bool]]:
        """Yield every possible contradiction, and whether it occurs."""
        names = [shard.name for shard in self.shards]
        records = Counter[str]()
        for shard in self.shards:
            records[shard.split] += shard.records
        folds = Counter(shard.fold for shard in self.shards if shard.fold != NO_FOLD)
        yield "classes names one twice", len(set(self.classes)) < len(self.classes)
        yield "shards names one twice", len(set(names)) < len(names)
        yield "shards and counts differ", any(self._disagree(split, records[split]) for split in self.splits)
        yield "shards and counts name other splits", records.keys() != self.counts.keys()
        yield (
            "counts is of other classes",
            any(not {*self.classes, UNLABELLED} >= counts.keys() for counts in self.counts.values()),
        )
        yield "shards and folds differ", folds.keys() != self.folds.keys()
        given = fingerprint(self.target, self.shards)
        yield "fingerprint is not that of classes and shards", self.fingerprint != given

    def _disagree(self, split: str, records: int) -> bool:
        counts = dict(self.counts[split])
        if self.target.is_partition:
            return sum(counts.values()) != records
        unlabelled = counts.pop(UNLABELLED, 0)
        return unlabelled + max(counts.values(), default=0) > records

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, tags or grades, or of the values; see `target`."""
        return self.target.names

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order train, validation, test."""
        return tuple(self.counts)

    @property
    def data(self) -> DataSpec:
        """Settings of the dataset in the form of a recipe's data settings; without a size if images differ in size."""
        settings, asked, shape = self.settings, self.source.spec, self.image.shape
        return DataSpec(
            size=size_text(*shape[:2]) if shape else "",
            fit=settings.image.fit,
            channels=self.image.channels,
            class_from=asked.class_from or "",
            merge_splits=asked.merge_splits,
            ignore_splits=asked.ignore_splits,
            group=asked.group or "",
            split=settings.split,
            folds=settings.folds,
            balance=settings.balance or "",
            per_class=settings.per_class or 0,
            seed=settings.seed,
            classes=self.classes,
        )

    def records(self, split: str) -> int:
        """Return the number of records in a split."""
        return sum(shard.records for shard in self.shards if shard.split == split)


def fingerprint(target: Target, shards: Sequence[ShardInfo]) -> str:
    """Hash target and shards, on which a run's results depend; 16 hexadecimal digits, as version 3 has for classes."""
    described: list[object] = [3, list(target.names)] if target.is_first_kind else [FORMAT_VERSION, target]
    content = msgspec.json.encode([*described, [[shard.name, shard.xxh128] for shard in shards]])
    return hashlib.sha256(content).hexdigest()[:16]


def upgraded(fields: dict[str, Any]) -> dict[str, Any]:
    """Bring a manifest of version 3 into the form of this one."""
    if "target" in fields or "classes" not in fields:
        return fields
    rest = {name: value for name, value in fields.items() if name != "classes"}
    return {**rest, "target": {"kind": "classes", "names": fields["classes"]}}
