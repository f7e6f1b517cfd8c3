"""Order of the training examples, which depends on the seed and the epoch alone: shuffled or class-balanced."""

from __future__ import annotations

import itertools
from typing import Any, Protocol

import numpy as np

from kit.compat import tf
from kit.datasets import Dataset
from kit.pipeline.cache import as_tensor
from kit.pipeline.parallel import parallel_calls
from kit.pipeline.parse import decode_each, decode_raw, is_raw, read_labels
from kit.pipeline.random_numbers import folded
from kit.pipeline.shard_files import located, open_shards, shard_paths

_STREAMS = 8  # shards read at a time
_BLOCK = 16  # records read of each in turn
_WINDOW = 4096  # records in the shuffle window; the whole split was shuffled already when it was written
_WINDOW_BYTES = 1 << 30  # 1 GiB for the window: it holds fewer large records
_BATCH = 256  # records whose labels are read at a time


class Examples(Protocol):
    """Examples of a train split; "items" represent them until they are decoded."""

    @property
    def labels(self) -> list[int]:
        """Classes or grades of the examples, sorted, without repetition."""

    def shuffled(self, seed: int, epoch: Any, batch_size: int) -> Any:
        """Return every item once, in random order: tf.data.Dataset of batches, without the remainder."""

    def of_class(self, label: int, seed: Any) -> Any:
        """Return every item of a class once, in random order by `seed`, int64 [2]: tf.data.Dataset."""

    def opened(self, batches: Any, batch_size: int) -> Any:
        """Prepare items image by image for `decoded`: tf.data.Dataset of batches of its inputs."""

    def decoded(self, batch: Any) -> dict[str, Any]:
        """Decode a batch: {"image": uint8 [batch, height, width, channels], "label": labels as `kit.targets.Truth`}."""


class DecodedExamples:
    """Examples of a decoded split; the items are indices.

    Args:
        images: Uint8 [records, height, width, channels].
        labels: Labels of the records, see `kit.targets.Truth`; only classes and grades can be drawn by label.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        names = np.unique(labels) if labels.ndim == 1 else ()
        self._places = {int(label): np.flatnonzero(labels == label).astype(np.int32) for label in names}
        self._images = as_tensor(images)
        with tf.device("CPU:0"):
            self._labels = tf.constant(labels)

    @property
    def labels(self) -> list[int]:
        """Labels of the examples, sorted, without repetition."""
        return sorted(self._places)

    def shuffled(self, seed: int, epoch: Any, batch_size: int) -> Any:
        """Shuffle the split as a whole."""
        return _rows(len(self._labels), epoch_seed(seed, epoch), batch_size)

    def of_class(self, label: int, seed: Any) -> Any:
        """Shuffle a class as a whole."""
        return _in_order(tf.constant(self._places[label]), seed)

    @staticmethod
    def opened(batches: Any, batch_size: int) -> Any:  # noqa: ARG004 (of the protocol)
        """Return the indices unchanged."""
        return batches

    def decoded(self, batch: Any) -> dict[str, Any]:
        """Gather a batch."""
        return {"image": tf.gather(self._images, batch), "label": tf.gather(self._labels, batch)}


class StreamedExamples:
    """Examples streamed from shards; the items are serialized records, shuffled by shard and within a window.

    Drawing one class means reading all records and dropping those of other classes. The records of rare classes can be
    held in memory, so that they do not cost a pass over all shards each time they are repeated.

    Args:
        dataset: Dataset with a train split.
        held_bytes: Bytes that records of rare classes may fill; 0 holds none.
    """

    def __init__(self, dataset: Dataset, held_bytes: float) -> None:
        self._dataset = dataset
        self._shards = dataset.shards("train")
        self._paths = shard_paths(dataset, self._shards)
        self._is_here = not dataset.missing(self._shards)
        self._window = max(1, min(_WINDOW, int(_WINDOW_BYTES / self._record_bytes)))
        self._held = self._hold(self._rarest(held_bytes))

    @property
    def labels(self) -> list[int]:
        """Labels of the examples, sorted, without repetition."""
        return [label for label, count in enumerate(self._counts) if count]

    def shuffled(self, seed: int, epoch: Any, batch_size: int) -> Any:
        """Shuffle the shards, and their records within a window."""
        start = epoch_seed(seed, epoch)
        records = _shuffle(self._read(start, _STREAMS), self._window, folded(start, "window"))
        return records.batch(batch_size, drop_remainder=True)

    def of_class(self, label: int, seed: Any) -> Any:
        """Read a class from memory, or from all shards."""
        if label in self._held:
            return _in_order(self._held[label], seed)
        sharing = len(self.labels) - len(self._held)  # classes that are read at the same time
        batches = self._read(folded(seed, "shards"), max(1, _STREAMS // sharing)).batch(_BATCH)
        target = self._dataset.manifest.target
        records = batches.map(lambda batch: tf.boolean_mask(batch, read_labels(batch, target) == label)).unbatch()
        return _shuffle(records, max(1, self._window // sharing), folded(seed, "window"))

    def opened(self, batches: Any, batch_size: int) -> Any:
        """Decode images that are not stored as raw pixels."""
        if is_raw(self._dataset):
            return batches
        return decode_each(batches.unbatch(), self._dataset).batch(batch_size, drop_remainder=True)

    def decoded(self, batch: Any) -> dict[str, Any]:
        """Decode raw pixels; other images are decoded already."""
        examples = decode_raw(batch, self._dataset) if is_raw(self._dataset) else batch
        return {"image": examples["image"], "label": examples["label"]}

    @property
    def _record_bytes(self) -> float:
        """Return the mean size of a record, bytes."""
        shards = self._dataset.shards("train")
        return sum(shard.bytes for shard in shards) / sum(shard.records for shard in shards)

    @property
    def _counts(self) -> list[int]:
        manifest = self._dataset.manifest
        return [manifest.counts["train"].get(name, 0) for name in manifest.classes]

    def _read(self, seed: Any, streams: int) -> Any:
        """Read the records of several shards at a time, some of each in turn, with the shards in random order."""
        # In parallel, it would begin with sixteen shards more than are read: too many where there is no room.
        parallel = {"num_parallel_calls": parallel_calls(), "deterministic": True} if self._is_here else {}
        return located(_in_order(self._paths, seed), self._dataset, self._shards).interleave(
            tf.data.TFRecordDataset, cycle_length=streams, block_length=_BLOCK, **parallel
        )

    def _rarest(self, held_bytes: float) -> list[int]:
        """Choose the rarest classes whose records fill at most that, assuming records of equal size."""
        each = self._record_bytes
        rarest = sorted(self.labels, key=self._counts.__getitem__)
        ends = itertools.accumulate(self._counts[label] * each for label in rarest)
        return [label for label, end in zip(rarest, ends, strict=True) if end <= held_bytes]

    def _hold(self, labels: list[int]) -> dict[int, Any]:
        """Read the records of some classes, string [records] each."""
        if not labels:
            return {}
        parts: dict[int, list[np.ndarray]] = {label: [] for label in labels}
        for window in open_shards(self._dataset, self._shards).batch(_BATCH):
            records, found = window.numpy(), read_labels(window, self._dataset.manifest.target).numpy()
            for label, kept in parts.items():
                kept.append(records[found == label])
        with tf.device("CPU:0"):
            return {label: tf.constant(np.concatenate(kept)) for label, kept in parts.items()}


def balanced(examples: Examples, seed: Any) -> Any:
    """Draw one item of each class in turn, endlessly, in rounds of random order.

    A class is repeated in another order when all its items have been drawn, so the counts of its items differ by one
    at most.

    Args:
        examples: Examples of some classes.
        seed: Int64 [2], seed of the epoch.

    Returns:
        A tf.data.Dataset of items.
    """

    def endless(label: int) -> Any:
        return _count().flat_map(lambda again: examples.of_class(label, folded(seed, "class", label, again)))

    turns = tf.range(len(examples.labels), dtype=tf.int64)
    rounds = _count().flat_map(lambda number: _in_order(turns, folded(seed, "round", number)))
    return tf.data.Dataset.choose_from_datasets([endless(label) for label in examples.labels], rounds)


def epoch_seed(seed: int, epoch: Any) -> Any:
    """Derive the seed of an epoch, int64 [2]."""
    return tf.stack([tf.constant(seed, tf.int64), epoch])


def _shuffle(records: Any, size: int, seed: Any) -> Any:
    """Shuffle records within a moving window.

    `Dataset.shuffle` does not take a tensor as its seed, but its underlying operation does.

    Args:
        records: Dataset (tf.data.Dataset) of string [].
        size: Records in the shuffle window.
        seed: Int64 [2].
    """
    first, second = tf.unstack(tf.random.stateless_uniform([2], seed, None, None, tf.int64))  # two zeros: no seed
    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(records),
        buffer_size=tf.constant(size, tf.int64),
        seed=first,
        seed2=second,
        output_types=[tf.string],
        output_shapes=[[]],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(shuffled, tf.TensorSpec([], tf.string))


def _rows(count: Any, seed: Any, batch_size: int) -> Any:
    """Shuffle the indices below `count`: tf.data.Dataset of int32 [batch_size], without the remainder."""
    indices = tf.random.experimental.stateless_shuffle(tf.range(count), seed)
    return tf.data.Dataset.from_tensor_slices(tf.reshape(indices[: count // batch_size * batch_size], (-1, batch_size)))


def _in_order(values: Any, seed: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices(tf.random.experimental.stateless_shuffle(values, seed))


def _count() -> Any:
    return tf.data.Dataset.range(tf.int64.max)
