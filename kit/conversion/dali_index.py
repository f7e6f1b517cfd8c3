"""Index files for NVIDIA DALI's TFRecord reader.

One line a record, "offset size", both in bytes and including the record's framing, as written by DALI's tfrecord2idx.
"""

from __future__ import annotations

from pathlib import Path

from kit.datasets.dataset import Dataset
from kit.datasets.tfrecord import record_spans
from kit.files import write_whole


def write_index(dataset: Dataset) -> list[Path]:
    """Write `<shard>.idx` beside each shard without one.

    Returns:
        The index files of all shards.

    Raises:
        CorruptRecordError: A shard was changed after writing.
    """
    paths = []
    for shard in dataset.manifest.shards:
        path = (dataset.folder / shard.name).with_suffix(".idx")
        if not path.is_file():
            spans = record_spans(dataset.folder / shard.name)
            write_whole(path, "".join(f"{offset} {size}\n" for offset, size in spans))
        paths.append(path)
    return paths
