"""What a dataset is: written last, it proves the shards beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from kit.specs import ShardSpec

FORMAT_VERSION = 1
UNLABELLED = "unlabelled"  # counted like a class in a split that has no labels


class ShardInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One shard as it was written.

    Attributes:
        name: the file's, beside the manifest.
        split: that it belongs to.
        records: in it.
        bytes: the file's.
        sha256: of the file's bytes.
    """

    name: str
    split: str
    records: int
    bytes: int
    sha256: str


class ImageInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the stored images have in common.

    Attributes:
        formats: images of each format.
        height: smallest and largest, pixels.
        width: smallest and largest, pixels.
        channels: of every image as readers decode it.
    """

    formats: dict[str, int]
    height: tuple[int, int]
    width: tuple[int, int]
    channels: int

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels if all images share them."""
        if self.height[0] != self.height[1] or self.width[0] != self.width[1]:
            return None
        return self.height[0], self.width[0], self.channels


class SourceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where the images came from.

    Attributes:
        folder: as it was given.
        labels: label file, as it was given.
        files: images found.
        digest: of all keys, labels, splits, and the files' names, sizes and times of change.
    """

    folder: str
    labels: str | None
    files: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's manifest.json.

    Attributes:
        name: the dataset's.
        classes: names, sorted; a label is an index into them.
        counts: images of each class, and of "unlabelled", in each split.
        sample_submission: whether a copy of it lies beside the manifest.
        rejects: inputs listed in rejects.csv.
        fingerprint: of classes and shards; runs and submissions carry it.
    """

    format_version: int = FORMAT_VERSION
    name: str
    classes: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    image: ImageInfo
    shards: tuple[ShardInfo, ...]
    source: SourceInfo
    settings: ShardSpec
    sample_submission: bool
    rejects: int
    fingerprint: str

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in the order train, validation, test."""
        return tuple(self.counts)

    def records(self, split: str) -> int:
        """Count the records of a split."""
        return sum(self.counts[split].values())


def fingerprint(classes: Sequence[str], shards: Sequence[ShardInfo]) -> str:
    """Hash what a run's numbers depend on; 16 hexadecimal digits."""
    content = msgspec.json.encode([FORMAT_VERSION, list(classes), [[shard.name, shard.sha256] for shard in shards]])
    return hashlib.sha256(content).hexdigest()[:16]
