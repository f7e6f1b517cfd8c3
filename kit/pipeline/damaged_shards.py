"""What TensorFlow says of damaged shards, in words that help."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kit.compat import tf
from kit.datasets import Dataset, verify_dataset


@contextlib.contextmanager
def damage_named(dataset: Dataset) -> Iterator[None]:
    """Run a block that reads shards; where reading fails, check them all and name the damaged record.

    Raises:
        ShardError: the shards are not what was written.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError):
        verify_dataset(dataset)
        raise
