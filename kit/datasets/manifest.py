"""What a dataset is: written last, it proves the shards beside it."""

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
    """One shard as it was written.

    Attributes:
        name: Name of the file beside the manifest.
        split: Split that it belongs to.
        records: Records in the file.
        bytes: Size of the file, bytes.
        xxh128: XXH128 of the file's bytes, as `xxhsum -H2` prints it: at ten times SHA-256's speed it finds every
            damage, though not forgery.
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
    """What the stored images have in common.

    Attributes:
        formats: Images of each format.
        height: Smallest and largest height, pixels.
        width: Smallest and largest width, pixels.
        channels: Channels of every image as readers decode it.
        sources: Images of each kind that the source held, as "TIFF, 3 x uint16".
    """

    formats: dict[str, int]
    height: tuple[int, int]
    width: tuple[int, int]
    channels: int
    sources: dict[str, int]

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels if all images share them."""
        if self.height[0] != self.height[1] or self.width[0] != self.width[1]:
            return None
        return self.height[0], self.width[0], self.channels


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where the images came from.

    Attributes:
        spec: Source as it was given.
        files: Images found.
        digest: Hash of all keys, labels, splits and groups, and the files' names, sizes and times of change.
    """

    spec: SourceSpec
    files: int
    digest: str


class DuplicateInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Images that are the same pixel by pixel.

    Attributes:
        sets: Sets of equal images.
        images: Images in them.
        across_splits: Sets that lie in several splits, because the source itself put them there.
        across_classes: Sets whose images have different labels.
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
        sample_submission: Whether a copy of the sample submission lies beside the manifest.
        rejects: Bad inputs, listed in rejects.csv.
        left_out: Inputs that were left out on purpose or are no images, listed there too.
        left_out_reasons: Inputs that were left out, by reason, the most frequent first; empty in older datasets.
        not_taken: Images of each class that balancing leaves out; empty where all are taken.
        near_duplicates: Sets that stay together because they look the same, listed in near_duplicates.csv.
        fingerprint: Fingerprint of classes and shards; runs and submissions carry it.
        recipe: Recipe whose data settings hold where no option said otherwise, or an arm's as RECIPE/ARM; empty for
            none.
        files: XXH128 of each file beside the shards, by its name.
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
    seal: str = ""

    def __post_init__(self) -> None:
        """Refuse names that lead elsewhere."""
        checked_id(self.name, "dataset")
        for name in self.files:
            checked_name(name, "file")
        for split in self.counts:
            checked_name(split, "split")

    def refuse_contradictions(self) -> None:
        """Refuse fields that cannot be true together, of whatever dataset.

        Raises:
            SpecError: They contradict each other.
        """
        for problem, applies in self._contradictions():
            require(not applies, problem)

    def _contradictions(self) -> Iterator[tuple[str, bool]]:
        """List what cannot be true of any dataset, each with whether it is true of this one."""
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
        counts = self.counts[split].values()
        is_partition = self.target.is_partition or UNLABELLED in self.counts[split]
        return sum(counts) != records if is_partition else max(counts, default=0) > records

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
        """How the dataset was made, as a recipe's data settings; without a size where images differ in it."""
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
        """Count the records of a split."""
        return sum(shard.records for shard in self.shards if shard.split == split)


def fingerprint(target: Target, shards: Sequence[ShardInfo]) -> str:
    """Hash what a run's numbers depend on; 16 hexadecimal digits, those of version 3 for classes."""
    described: list[object] = [3, list(target.names)] if target.kind() == "classes" else [FORMAT_VERSION, target]
    content = msgspec.json.encode([*described, [[shard.name, shard.xxh128] for shard in shards]])
    return hashlib.sha256(content).hexdigest()[:16]


def upgraded(fields: dict[str, Any]) -> dict[str, Any]:
    """Bring a manifest of version 3 into the form of this one."""
    if "target" in fields or "classes" not in fields:
        return fields
    rest = {name: value for name, value in fields.items() if name != "classes"}
    return {**rest, "target": {"kind": "classes", "names": fields["classes"]}}
