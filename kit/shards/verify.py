"""Checks that shards still are what was written."""

from __future__ import annotations

from collections import deque

from kit.errors import ShardError
from kit.files import xxh128_file
from kit.progress import NO_PROGRESS, Progress
from kit.shards.dataset import Dataset
from kit.shards.tfrecord import read_records


def verify_dataset(dataset: Dataset, progress: Progress = NO_PROGRESS) -> None:
    """Compare every shard with the manifest's checksum.

    Raises:
        CorruptRecordError: the first damaged record, by shard, index and byte offset.
        ShardError: a shard whose records are sound but not those that were written.
    """
    progress.start(f"verify {dataset.manifest.name}", len(dataset.manifest.shards))
    for shard in dataset.manifest.shards:
        path = dataset.folder / shard.name
        if xxh128_file(path) != shard.xxh128:
            deque(read_records(path), maxlen=0)  # raises at the damaged record, if its checksum tells
            raise ShardError(f"{path} was changed after writing; restore it, or shard again with --force")
        progress.advance()
    progress.finish()
