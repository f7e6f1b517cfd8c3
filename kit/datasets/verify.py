"""Verifies shards against the manifest's checksums, and the manifest against the records."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from kit.arguments import checked_arguments
from kit.datasets.dataset import Dataset
from kit.datasets.example import Feature, decode_example
from kit.datasets.manifest import Manifest, ShardInfo
from kit.datasets.tfrecord import read_records, record_spans
from kit.errors import ShardError, option
from kit.files import xxh128_file
from kit.progress import NO_PROGRESS, Progress
from kit.seals import KnownHashes
from kit.sources import UNLABELLED
from kit.targets import Target
from kit.targets.label import LABEL, VALUES


@checked_arguments
def verify_dataset(dataset: Dataset, progress: Progress = NO_PROGRESS) -> None:
    """Compare every file with the manifest's checksum, and the manifest with every record.

    Raises:
        CorruptRecordError: A record is damaged; the message gives its shard, index and byte offset.
        ShardError: A file was replaced by another valid one, or the records contradict a field of the manifest.
    """
    dataset.fetch(dataset.manifest.shards, progress)
    verify_bytes(dataset, progress)
    for name in dataset.manifest.files:
        dataset.checked(name)
    found = _Contents(dataset.manifest.target)
    progress.start(f"read {dataset.manifest.name}", len(dataset.manifest.shards))
    for shard in dataset.manifest.shards:
        for record in read_records(dataset.folder / shard.name):
            found.add(shard, decode_example(record))
        progress.advance()
    progress.finish()
    found.compare(dataset)


def verify_bytes(dataset: Dataset, progress: Progress = NO_PROGRESS) -> None:
    """Compare every shard that is on this machine with the manifest's checksum; see `verify_dataset`."""
    missing = dataset.missing(dataset.manifest.shards)
    here = [shard for shard in dataset.manifest.shards if shard not in missing]
    progress.start(f"verify {dataset.manifest.name}", len(here))
    for shard in here:
        if xxh128_file(dataset.folder / shard.name) != shard.xxh128:
            _refuse_shard(dataset, shard)
        progress.advance()
    progress.finish()


def check_splits(dataset: Dataset, splits: Iterable[str], progress: Progress = NO_PROGRESS) -> None:
    """Compare the shards of some splits with the manifest's checksums, once for each state of a file.

    The lengths of new shards' records are compared with the files' sizes too. Those of a dataset in a store are
    downloaded first; if they have no room here, each is compared when it is streamed.

    Args:
        dataset: Dataset, or the view of a fold.
        splits: Names of the splits to read.
        progress: Receiver of every checked shard.

    Raises:
        ShardError: A shard was changed after writing, or a record claims more bytes than it has.
    """
    shards = dataset.fetch_fitting([shard for split in splits for shard in dataset.shards(split)], progress)
    known = KnownHashes(dataset.folder)
    new = [shard for shard in shards if known.known(shard.name) != shard.xxh128]
    if new:
        progress.start(f"check {dataset.manifest.name}", len(new))
        for shard in new:
            if known.hash(shard.name) != shard.xxh128:
                _replace_copy(dataset, shard)
            _check_lengths(dataset, shard)
            progress.advance()
        known.keep()
        progress.finish()


def check_lengths(dataset: Dataset, splits: Iterable[str]) -> None:
    """Compare the lengths of records with the files' sizes, which takes microseconds a record.

    Raises:
        CorruptRecordError: A record claims more bytes than there are; TensorFlow would allocate them, and crash.
    """
    for shard in dataset.fetch_fitting([shard for split in splits for shard in dataset.shards(split)]):
        _check_lengths(dataset, shard)


def _check_lengths(dataset: Dataset, shard: ShardInfo) -> None:
    deque(record_spans(dataset.folder / shard.name), maxlen=0)


@contextlib.contextmanager
def reading(dataset: Dataset, splits: Iterable[str], progress: Progress = NO_PROGRESS) -> Iterator[None]:
    """Check shards and lock the dataset while they are read; see `check_splits` and `Dataset.in_use`.

    Raises:
        ShardError: A shard was changed after writing, or the dataset was replaced since it was opened.
    """
    with dataset.in_use():
        check_splits(dataset, splits, progress)
        yield
        dataset.refuse_replaced()


def _replace_copy(dataset: Dataset, shard: ShardInfo) -> None:
    """Download a damaged copy anew; refuse a damaged shard that is no copy."""
    if not dataset.stored:
        _refuse_shard(dataset, shard)
    (dataset.folder / shard.name).unlink()
    dataset.fetch([shard])


def _refuse_shard(dataset: Dataset, shard: ShardInfo) -> None:
    path = dataset.folder / shard.name
    deque(read_records(path), maxlen=0)  # raises at the damaged record, if its checksum tells
    raise ShardError(f"{path} was changed after writing; restore it, or shard again with {option('force', True)}")


_Label: TypeAlias = tuple[str, Feature | None, Feature | None]
"""A record's text, index or indices, and numbers."""


@dataclass(slots=True)
class _Contents:
    """Counts of a dataset's records, for comparison with the manifest.

    Attributes:
        target: Target of the dataset.
        records: Records of each shard.
        indices: Folds that each shard names.
        counts: Images of each name in each split.
        folds: Images of each name in each fold.
        formats: Images of each format.
        labels: Distinct labels, as text and as stored, with the names that their images count for; None where text and
            stored label contradict each other.
        heights: Heights, pixels.
        widths: Widths, pixels.
        channels: Numbers of channels.
    """

    target: Target
    records: Counter[str] = field(default_factory=Counter)
    indices: set[tuple[str, int]] = field(default_factory=set)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    folds: dict[int, Counter[str]] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    labels: dict[_Label, tuple[str, ...] | None] = field(default_factory=dict)
    heights: set[int] = field(default_factory=set)
    widths: set[int] = field(default_factory=set)
    channels: set[int] = field(default_factory=set)

    def add(self, shard: ShardInfo, record: Mapping[str, Feature]) -> None:
        """Add a record to the counts."""
        match record:
            case {
                "image/class/text": bytes(text),
                "image/fold": int(fold),
                "image/format": bytes(kind),
                "image/height": int(height),
                "image/width": int(width),
                "image/channels": int(channels),
            }:
                names = self._names((text.decode(), record.get(LABEL), record.get(VALUES)))
                self.records[shard.name] += 1
                self.indices.add((shard.name, fold))
                self.counts.setdefault(shard.split, Counter()).update(names)
                if fold >= 0:
                    self.folds.setdefault(fold, Counter()).update(names)
                self.formats[kind.decode()] += 1
                self.heights.add(height)
                self.widths.add(width)
                self.channels.add(channels)
            case _:
                raise ShardError(f"{shard.name} holds a record that kit did not write; it has {sorted(record)}")

    def _names(self, label: _Label) -> tuple[str, ...]:
        """Name what an image with a label counts as; one that contradicts itself counts as its text."""
        if label not in self.labels:
            self.labels[label] = _counted(self.target, label)
        names = self.labels[label]
        return (label[0] or UNLABELLED,) if names is None else names

    def compare(self, dataset: Dataset) -> None:
        """Refuse a manifest with other values."""
        for name, (found, said) in self._pairs(dataset.manifest).items():
            if found != said:
                raise ShardError(
                    f"{dataset.folder}: the manifest's {name} is {said}, the records have {found}; restore the"
                    f" manifest, or shard again with {option('force', True)}"
                )

    def _pairs(self, manifest: Manifest) -> dict[str, tuple[object, object]]:
        """Pair the values found with those of the manifest, by field."""
        wrong = [label for label, names in self.labels.items() if names is None]
        return {
            "shards": (dict(self.records), {shard.name: shard.records for shard in manifest.shards}),
            "shards' folds": (sorted(self.indices), sorted((shard.name, shard.fold) for shard in manifest.shards)),
            "counts": (_plain(self.counts), _plain(manifest.counts)),
            "folds": (_plain(self.folds), _plain(manifest.folds)),
            "classes": (sorted(map(_shown, wrong)), []),
            "image.formats": (dict(self.formats), manifest.image.formats),
            "image.height": ((min(self.heights), max(self.heights)), manifest.image.height),
            "image.width": ((min(self.widths), max(self.widths)), manifest.image.width),
            "image.channels": (self.channels, {manifest.image.channels}),
        }


def _plain(counts: Mapping[str, Mapping[str, int]] | Mapping[int, Mapping[str, int]]) -> dict[object, dict[str, int]]:
    return {key: {name: count for name, count in part.items() if count} for key, part in counts.items()}


def _counted(target: Target, label: _Label) -> tuple[str, ...] | None:
    """Name what an image counts as, where its text and what is stored beside it are the same label."""
    text, index, numbers = label
    try:
        row = target.stored({LABEL: index, VALUES: numbers})
        read = target.text(row)
        said = None if read is None and not text else text
        agree = read == said or np.array_equal(target.encode([said])[0], row, equal_nan=True)
    except ValueError:
        return None
    if not agree:
        return None
    return (UNLABELLED,) if read is None else tuple(target.named(text))


def _shown(label: _Label) -> tuple[str, Feature | None]:
    text, index, numbers = label
    return text or UNLABELLED, index if numbers is None else numbers
