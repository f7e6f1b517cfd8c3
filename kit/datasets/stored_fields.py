"""Some fields of every record, such as labels and groups, without reading the pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import numpy as np

from kit.datasets.dataset import Dataset
from kit.datasets.example import Feature, decode_fields
from kit.datasets.tfrecord import record_views
from kit.errors import ShardError
from kit.progress import NO_PROGRESS, Progress
from kit.targets.label import LABEL, VALUES, Truth

_KEY, _GROUP = "image/key", "image/group"
_EVERY = 1000  # records between reports of progress


def stored_groups(dataset: Dataset, splits: Sequence[str], progress: Progress = NO_PROGRESS) -> dict[str, str]:
    """Read the group of each image by its key; empty where it has none.

    Raises:
        CorruptRecordError: The length of a record is damaged.
        ShardError: There is no such split, or a record was not written by kit.
    """
    return {_text(fields[_KEY]): _text(fields[_GROUP]) for fields in _fields(dataset, splits, {_KEY, _GROUP}, progress)}


def stored_labels(dataset: Dataset, splits: Sequence[str], progress: Progress = NO_PROGRESS) -> Truth:
    """Read the labels of splits, in any order, as `Target.encode` makes them; counts of one name per image tell enough.

    Raises:
        CorruptRecordError: The length of a record is damaged.
        ShardError: There is no such split, or a record was not written by kit.
    """
    target, counts = dataset.manifest.target, dataset.manifest.counts
    if target.is_partition:
        images = [sum(counts[split].get(name, 0) for split in splits) for name in target.names]
        return np.repeat(np.arange(len(images), dtype=np.int32), images)
    named = VALUES if target.stores == "numbers" else LABEL
    try:
        return np.stack([target.stored(fields) for fields in _fields(dataset, splits, {named}, progress)])
    except ValueError as error:
        raise ShardError(f"{dataset.folder}: a record has no label of the dataset's {target.kind()}") from error


def _fields(
    dataset: Dataset, splits: Sequence[str], wanted: AbstractSet[str], progress: Progress
) -> Iterator[Mapping[str, Feature]]:
    dataset.fetch([shard for split in splits for shard in dataset.shards(split)], progress)
    progress.start("read labels and groups", sum(dataset.manifest.records(split) for split in splits))
    paths = [path for split in splits for path in dataset.paths(split)]
    records = (fields for path in paths for fields in _of_file(path, wanted))
    for number, fields in enumerate(records, start=1):
        yield fields
        if number % _EVERY == 0:
            progress.advance(_EVERY)
    progress.finish()


def _of_file(path: Path, wanted: AbstractSet[str]) -> Iterator[Mapping[str, Feature]]:
    for record in record_views(path):
        fields = decode_fields(record, wanted)
        if missing := sorted(wanted - fields.keys()):
            raise ShardError(f"{path}: a record lacks {', '.join(missing)}")
        yield fields


def _text(value: Feature) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
