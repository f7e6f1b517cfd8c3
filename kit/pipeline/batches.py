"""Two builders: batches to learn from, and batches to measure and predict on."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kit.compat import tf
from kit.pipeline.augment import augment_batch
from kit.pipeline.decode import decode_batches
from kit.pipeline.draw import folded
from kit.pipeline.epochs import DecodedExamples, Examples, StreamedExamples, balanced, epoch_seed
from kit.shards import Dataset
from kit.specs import AugmentSpec
from kit.specs.settings import require

MEMORY_SHARE = 0.25  # of the machine's memory that decoded images may fill; the rest is the model's and the neighbours'
EVAL_BATCH = 256  # images; large enough that a step's overhead vanishes
_UNCHANGED = AugmentSpec()


def train_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    memory_share: float = MEMORY_SHARE,
    augment: AugmentSpec = _UNCHANGED,
    sampling: Literal["shuffle", "balanced"] = "shuffle",
    class_weights: Sequence[float] | None = None,
) -> Any:
    """Batches of the train split from epoch `first_epoch` on, without end, shuffled and varied anew each epoch.

    All that is drawn follows from `seed`, the epoch, and the batch's number in it, so a training that goes on at epoch
    7 sees what it would have seen. Each epoch leaves out the images that do not fill a last batch; the next one draws
    others. Images that fit into `memory_share` of the memory are decoded once and shuffled as a whole; others
    stream from the shards, shuffled by shard and within windows.

    Args:
        dataset: with a train split.
        batch_size: images.
        seed: of the run.
        first_epoch: from 0.
        memory_share: of the machine's memory that decoded images may fill.
        augment: how images are varied.
        sampling: "shuffle" draws every image once an epoch; "balanced" draws from the classes in turn, so that a
            batch holds as many of each, give or take one, and the images of rarer classes come again and again. An
            epoch has as many batches either way.
        class_weights: of each class in the manifest's order; adds each image's weight to what is returned.

    Returns:
        tf.data.Dataset of (image float32 [batch_size, height, width, channels] in 0 to 1, label float32
        [batch_size], or one-hot [batch_size, classes] of more than two classes), and with `class_weights` a third,
        weight float32 [batch_size], by the image's own class where images are mixed.

    Raises:
        SpecError: `augment` does not fit the images, or `class_weights` the classes.
        ShardError: the split does not fill one batch, or its images have several sizes.
    """
    augment.check_shape(dataset.shape)
    steps, classes = dataset.full_batches("train", batch_size), len(dataset.manifest.classes)
    require(
        class_weights is None or len(class_weights) == classes,
        f"class_weights must be {classes} numbers, one a class, got {class_weights}",
    )
    examples: Examples
    if fits_memory(dataset, "train", memory_share):
        examples = DecodedExamples(*_decoded(dataset, "train"))
    else:
        examples = StreamedExamples(dataset, held_bytes=memory_share * _memory() if sampling == "balanced" else 0)

    def one_epoch(epoch: Any) -> Any:
        start = epoch_seed(seed, epoch)
        items = balanced(examples, start) if sampling == "balanced" else examples.shuffled(seed, epoch)
        batches = examples.batches(items, batch_size).take(steps)
        return batches.enumerate().map(lambda number, batch: (folded(start, "batch", number), batch))

    def finish(seed: Any, batch: Any) -> tuple[Any, ...]:
        decoded = examples.decoded(batch)
        inputs = augment_batch(augment, *_as_inputs(decoded, classes), seed)
        if class_weights is None:
            return inputs
        return (*inputs, tf.gather(tf.constant(class_weights, tf.float32), decoded["label"]))

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(one_epoch)
    return epochs.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


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


def validation_batches(dataset: Dataset, *, batch_size: int = EVAL_BATCH, memory_share: float = MEMORY_SHARE) -> Any:
    """Batches of the validation split for `fit`, as they are stored, decoded once if they fit into memory.

    Returns:
        tf.data.Dataset of (image float32 [batch, height, width, channels] in 0 to 1, label float32 [batch], or one-hot
        [batch, classes] of more than two classes).
    """
    batches = eval_batches(dataset, "validation", batch_size=batch_size)
    if fits_memory(dataset, "validation", memory_share):
        batches = batches.cache()
    classes = len(dataset.manifest.classes)
    inputs = batches.map(lambda batch: _as_inputs(batch, classes), num_parallel_calls=tf.data.AUTOTUNE)
    return inputs.prefetch(tf.data.AUTOTUNE)


def as_float(image: Any) -> Any:
    """Scale uint8 pixels to float32 in 0 to 1."""
    return tf.cast(image, tf.float32) / 255.0


def fits_memory(dataset: Dataset, split: str, share: float) -> bool:
    """Tell whether a split's decoded pixels fill no more than `share` of the machine's memory."""
    return dataset.manifest.records(split) * math.prod(dataset.shape) <= share * _memory()


def _memory() -> int:
    """Bytes that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _as_inputs(batch: dict[str, Any], classes: int) -> tuple[Any, Any]:
    labels = batch["label"]
    is_binary = classes <= 2  # noqa: PLR2004
    return as_float(batch["image"]), tf.cast(labels, tf.float32) if is_binary else tf.one_hot(labels, classes)


def _decoded(dataset: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a split into uint8 [records, height, width, channels] and int32 [records]."""
    records = dataset.manifest.records(split)
    images = np.empty((records, *dataset.shape), np.uint8)
    labels = np.empty(records, np.int32)
    start = 0
    for batch in eval_batches(dataset, split).as_numpy_iterator():
        end = start + len(batch["label"])
        images[start:end], labels[start:end] = batch["image"], batch["label"]
        start = end
    return images, labels
