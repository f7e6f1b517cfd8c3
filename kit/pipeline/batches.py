"""Two builders: batches to learn from, and batches to measure and predict on."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from kit.compat import tf
from kit.pipeline.decode import decode_batches
from kit.shards import Dataset

MEMORY_SHARE = 0.25  # of the machine's memory that decoded images may fill; the rest is the model's and the neighbours'
EVAL_BATCH = 256  # images; large enough that a step's overhead vanishes, small enough for any memory
_STREAMS = 8  # shards read at a time
_SHUFFLE = 4096  # records; the writer has shuffled the whole split already
_WINDOWS = 1 << 24  # more than any epoch has


def train_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    memory_share: float = MEMORY_SHARE,
) -> Any:
    """Batches of the train split from epoch `first_epoch` on, without end, shuffled anew each epoch.

    The order within an epoch follows from `seed` and the epoch alone, so a training that goes on at epoch 7 sees
    what it would have seen. Each epoch leaves out the images that do not fill a last batch; the next one draws
    others. Images that fit into `memory_share` of the memory are decoded once and shuffled as a whole; others
    stream from the shards, shuffled by shard and within windows.

    Returns:
        tf.data.Dataset of (image float32 [batch_size, height, width, channels] in 0 to 1, label float32
        [batch_size]).
    """
    if fits_memory(dataset, "train", memory_share):
        batches = _from_memory(dataset, batch_size, seed, first_epoch)
    else:
        batches = _from_shards(dataset, batch_size, seed, first_epoch)
    return _as_inputs(batches).prefetch(tf.data.AUTOTUNE)


def eval_batches(dataset: Dataset, split: str, *, batch_size: int = EVAL_BATCH) -> Any:
    """Batches of a split in stored order, one pass, the short last one kept.

    Returns:
        tf.data.Dataset of {"image": uint8 [batch, height, width, channels], "label": int32 [batch] (-1 where there
        is none), "key": string [batch]}.
    """
    records = tf.data.TFRecordDataset([str(path) for path in dataset.paths(split)])
    count = math.ceil(dataset.manifest.records(split) / batch_size)
    batches = decode_batches(records, dataset, batch_size, drop_remainder=False)
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)


def validation_batches(dataset: Dataset, *, memory_share: float = MEMORY_SHARE) -> Any:
    """Batches of the validation split for `fit`, decoded once if they fit into memory.

    Returns:
        tf.data.Dataset of (image float32 [batch, height, width, channels] in 0 to 1, label float32 [batch]).
    """
    batches = eval_batches(dataset, "validation")
    if fits_memory(dataset, "validation", memory_share):
        batches = batches.cache()
    return _as_inputs(batches).prefetch(tf.data.AUTOTUNE)


def as_float(image: Any) -> Any:
    """Scale uint8 pixels to float32 in 0 to 1."""
    return tf.cast(image, tf.float32) / 255.0


def fits_memory(dataset: Dataset, split: str, share: float) -> bool:
    """Tell whether a split's decoded pixels fill no more than `share` of the machine's memory."""
    height, width, channels = dataset.shape
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return dataset.manifest.records(split) * height * width * channels <= share * machine


def _as_inputs(batches: Any) -> Any:
    return batches.map(
        lambda batch: (as_float(batch["image"]), tf.cast(batch["label"], tf.float32)),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def _from_memory(dataset: Dataset, batch_size: int, seed: int, first_epoch: int) -> Any:
    """Gather every batch from the decoded split, by a permutation that follows from seed and epoch."""
    images, labels = _decoded(dataset, "train")
    places = tf.range(len(labels))

    def one_epoch(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(places, _epoch_seed(seed, epoch))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)

    def draw(drawn: Any) -> dict[str, Any]:
        return {"image": tf.gather(images, drawn), "label": tf.gather(labels, drawn)}

    drawn = _epochs(first_epoch).flat_map(one_epoch)
    return drawn.map(draw, num_parallel_calls=tf.data.AUTOTUNE)


def _decoded(dataset: Dataset, split: str) -> tuple[Any, Any]:
    """Read a split into uint8 [records, height, width, channels] and int32 [records], on the host."""
    records = dataset.manifest.records(split)
    images = np.empty((records, *dataset.shape), np.uint8)
    labels = np.empty(records, np.int32)
    start = 0
    for batch in eval_batches(dataset, split).as_numpy_iterator():
        end = start + len(batch["label"])
        images[start:end], labels[start:end] = batch["image"], batch["label"]
        start = end
    with tf.device("CPU:0"):
        return tf.constant(images), tf.constant(labels)


def _from_shards(dataset: Dataset, batch_size: int, seed: int, first_epoch: int) -> Any:
    paths = tf.constant([str(path) for path in dataset.paths("train")])
    steps = dataset.full_batches("train", batch_size)

    def one_epoch(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(paths, _epoch_seed(seed, epoch))
        records = tf.data.Dataset.from_tensor_slices(order).interleave(
            tf.data.TFRecordDataset,
            cycle_length=_STREAMS,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return decode_batches(_shuffle_windows(records, seed, epoch), dataset, batch_size, drop_remainder=True).take(
            steps
        )

    return _epochs(first_epoch).flat_map(one_epoch)


def _shuffle_windows(records: Any, seed: int, epoch: Any) -> Any:
    """Shuffle within windows, statelessly: Dataset.shuffle takes no seed that is known only while it runs."""

    def shuffle(window: Any, records: Any) -> Any:
        return tf.random.experimental.stateless_shuffle(records, _epoch_seed(seed, epoch * _WINDOWS + window))

    return records.batch(_SHUFFLE).enumerate().map(shuffle).unbatch()


def _epoch_seed(seed: int, epoch: Any) -> Any:
    return tf.stack([tf.constant(seed, tf.int64), epoch])


def _epochs(first: int) -> Any:
    return tf.data.Dataset.range(first, tf.int64.max)
