"""Translates TensorFlow's errors of damaged shards into errors that name the record."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kit.compat import tf
from kit.datasets import Dataset, verify_dataset
from kit.pipeline.shard_files import download_named


@contextlib.contextmanager
def damage_named(dataset: Dataset) -> Iterator[None]:
    """Run a block that reads shards; if reading fails, check all shards and name the damaged record.

    Raises:
        ShardError: A shard was changed or damaged after writing.
        StoreError: A shard could not be downloaded while it was to be read.
    """
    try:
        with download_named():
            yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError):
        verify_dataset(dataset)
        raise
