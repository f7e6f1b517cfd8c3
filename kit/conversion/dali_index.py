"""Index files by which NVIDIA DALI's TFRecord reader finds records.

A line a record, "offset size", both in bytes and with the record's framing, as DALI's tfrecord2idx writes them.
"""

from __future__ import annotations

from pathlib import Path

from kit.datasets.dataset import Dataset
from kit.datasets.tfrecord import record_spans
from kit.files import write_whole


def write_index(dataset: Dataset) -> list[Path]:
    """Write `<shard>.idx` beside each shard that has none.

    Returns:
        The index files of all shards.

    Raises:
        CorruptRecordError: a shard was changed after writing.
    """
    paths = []
    for shard in dataset.manifest.shards:
        path = (dataset.folder / shard.name).with_suffix(".idx")
        if not path.is_file():
            spans = record_spans(dataset.folder / shard.name)
            write_whole(path, "".join(f"{offset} {size}\n" for offset, size in spans))
        paths.append(path)
    return paths
