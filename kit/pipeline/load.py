"""Opens a split as a tf.data.Dataset for use outside kit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kit.arguments import checked_arguments
from kit.compat import tf
from kit.datasets import Dataset, find_dataset
from kit.datasets.verify import check_lengths
from kit.pipeline.parse import Shape, decode_example
from kit.pipeline.shard_files import open_shards


@checked_arguments
def load(name: str, split: str = "train", *, root: Path | str | None = None) -> Any:
    """Open a split in stored order; labelled splits were shuffled when they were written.

    Args:
        name: Name of a dataset in tfrecords/.
        split: Name of a split: train, validation or test.
        root: Workspace; KIT_ROOT or the current folder otherwise.

    Returns:
        A tf.data.Dataset of single examples, of known cardinality: {"image": uint8 [height, width, channels] (None for
        sides that differ), "label": int32 [], the index of a class or grade (-1: unlabelled), int8 [tags] of 0 and 1
        (-1: unlabelled), or float32 [values] (NaN: unlabelled), "key": string [], "group": string [] (empty without a
        group), "fold": int32 [] (-1 without folds)}.

    Raises:
        WorkspaceError: There is no such dataset.
        ShardError: There is no such split, or a shard was changed after writing.
    """
    dataset = find_dataset(name, root=root)
    check_lengths(dataset, [split])
    shape, target = _shape(dataset), dataset.manifest.target
    records = open_shards(dataset, dataset.shards(split))
    examples = records.map(lambda one: decode_example(one, shape, target), num_parallel_calls=tf.data.AUTOTUNE)
    return examples.apply(tf.data.experimental.assert_cardinality(dataset.manifest.records(split)))


def _shape(dataset: Dataset) -> Shape:
    image = dataset.manifest.image
    height, width = (low if low == high else None for low, high in (image.height, image.width))
    return height, width, image.channels
