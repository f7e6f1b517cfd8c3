"""Builders of batches for training, validation and prediction."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, cast

from numpy.typing import ArrayLike

from kit.compat import tf
from kit.datasets import Dataset
from kit.errors import require
from kit.memory import memory
from kit.pipeline.augmentation import augment_batch
from kit.pipeline.cache import Decoded, as_tensor, decode_split, map_split
from kit.pipeline.labels import encode_labels
from kit.pipeline.parallel import as_written, parallel_calls, read_ahead
from kit.pipeline.parse import decode_batches
from kit.pipeline.random_numbers import WHOLE, BatchShare, folded
from kit.pipeline.sample_weights import SampleWeights
from kit.pipeline.sampling import DecodedExamples, Examples, StreamedExamples, balanced, epoch_seed
from kit.pipeline.shard_files import open_shards
from kit.specs import AugmentSpec
from kit.specs.train import Cache
from kit.targets import Head
from kit.targets.balancing import refuse_balancing

MEMORY_SHARE = 0.25  # of the machine's memory for decoded images; the rest is for the model and other processes
EVAL_BATCH = 256  # images; large enough that a step's overhead vanishes
_UNCHANGED = AugmentSpec()


def train_batches(
    dataset: Dataset,
    head: Head,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    first_step: int = 0,
    sides: tuple[int, int] | None = None,
    examples: Examples | None = None,
    cache: Cache = "auto",
    memory_share: float = MEMORY_SHARE,
    shared: Path | None = None,
    augment: AugmentSpec = _UNCHANGED,
    sampling: Literal["shuffle", "balanced"] = "shuffle",
    class_weights: ArrayLike | None = None,
    share: BatchShare = WHOLE,
) -> Any:
    """Build endless batches of the train split from a given step on, shuffled and augmented anew in each epoch.

    All random numbers depend on `seed`, the epoch, and the batch's index in it, so a training that resumes at epoch 7
    sees the same batches as an uninterrupted one; batches before the first step are skipped without decoding. Each
    epoch leaves out the images that do not fill a last batch, other ones in every epoch. Cached images are decoded once
    and shuffled as a whole; others are streamed from the shards, shuffled by shard and within a window.

    Args:
        dataset: Dataset with a train split.
        head: Last layer of the network that learns, which decides the form of the labels.
        batch_size: Images per batch.
        seed: Seed of the run.
        first_epoch: First epoch to yield, from 0.
        first_step: First step to yield of that epoch, from 0.
        sides: Height and width, pixels, to which images are scaled down by area averaging; None keeps their size.
        examples: Examples of the split, if they are open already; see `train_examples`.
        cache: Storage of decoded images, see `TrainSpec`; "disk" needs `shared`.
        memory_share: Share of the machine's memory that decoded images may fill if `cache` is "auto".
        shared: Folder of decoded images shared by several processes; see `decode_split` and `map_split`.
        augment: Augmentation of the images.
        sampling: Order of the images: "shuffle" draws every image once an epoch; "balanced" draws from the classes in
            turn, so that the counts of classes in a batch differ by one at most, and images of rarer classes are
            repeated. The number of batches an epoch is the same.
        class_weights: Weight of each class in the manifest's order, from which each image gets a sample weight; for
            tags two rows, the weights of images without each tag and with it.
        share: Share of each batch to yield; only its images are decoded and augmented, unless `augment` mixes images.

    Returns:
        A tf.data.Dataset of (image float32 [batch_size, height, width, channels] in 0 to 1, label float32
        [batch_size, units], or [batch_size] for two classes); with `class_weights` a third element, weight float32
        [batch_size], or [batch_size, tags], by the image's own class, grade or tags if images are mixed.

    Raises:
        SpecError: `augment` does not fit the images, or `class_weights` or `sampling` the target.
        ShardError: The split does not fill one batch, or its images have several sizes.
    """
    augment.check_shape(dataset.shape)
    weighing = "none" if class_weights is None else "balanced"
    refuse_balancing(dataset.manifest.target, sampling=sampling, class_weights=weighing)
    steps = dataset.full_batches("train", batch_size)
    weighed = None if class_weights is None else SampleWeights.of(dataset.manifest.target, class_weights)
    if examples is None:
        examples = train_examples(dataset, cache=cache, memory_share=memory_share, shared=shared, sampling=sampling)

    before, after = (WHOLE, share) if augment.mixes else (share, WHOLE)

    def one_epoch(epoch: Any) -> Any:
        if sampling == "balanced":
            return balanced(examples, epoch_seed(seed, epoch)).batch(batch_size, drop_remainder=True).take(steps)
        return examples.shuffled(seed, epoch, batch_size).take(steps)

    def finish(number: Any, batch: Any) -> tuple[Any, ...]:
        taken = examples.decoded(batch)
        images, labels = _as_inputs(taken, head)
        drawn = folded(epoch_seed(seed, number // steps), "batch", number % steps)
        inputs = augment_batch(augment, _reduced(images, sides), labels, drawn, before)
        made = (*inputs, weighed.of_labels(taken["label"])) if weighed else inputs
        return tuple(map(after.of, made))

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(one_epoch)
    taken = epochs.skip(first_step)
    if before != WHOLE:
        taken = taken.map(before.of)
    batches = examples.opened(taken, batch_size // before.count).enumerate(first_epoch * steps + first_step)
    calls = parallel_calls(is_light=augment == _UNCHANGED and sides is None)
    finished = batches.map(finish, num_parallel_calls=calls, deterministic=True)
    return as_written(finished.prefetch(read_ahead()))


def train_examples(
    dataset: Dataset,
    *,
    cache: Cache = "auto",
    memory_share: float = MEMORY_SHARE,
    shared: Path | None = None,
    sampling: Literal["shuffle", "balanced"] = "shuffle",
) -> Examples:
    """Open the train split for several calls of `train_batches`; see there."""
    if decoded := _cached(dataset, "train", cache, memory_share, shared):
        return DecodedExamples(decoded.images, decoded.labels)
    return StreamedExamples(dataset, held_bytes=memory_share * memory() if sampling == "balanced" else 0)


def eval_batches(
    dataset: Dataset,
    split: str,
    *,
    batch_size: int = EVAL_BATCH,
    cache: Cache = "auto",
    memory_share: float = 0,
    shared: Path | None = None,
    batches: range | None = None,
) -> Any:
    """Build the batches of a split in stored order, one pass, including the short last one.

    Args:
        dataset: Dataset with images of one size.
        split: Name of the split.
        batch_size: Images per batch.
        cache: Storage of decoded images for several passes, as in `train_batches`.
        memory_share: Share of the machine's memory that decoded images may fill if `cache` is "auto".
        shared: Folder of decoded images shared by several processes; see `decode_split` and `map_split`.
        batches: Indices of the batches to build; None builds all.

    Returns:
        A tf.data.Dataset of {"image": uint8 [batch, height, width, channels], "label": labels of the batch, see
        `kit.targets.Truth`, "key": string [batch]}.
    """
    decoded = _cached(dataset, split, cache, memory_share, shared)
    of = range(math.ceil(dataset.manifest.records(split) / batch_size)) if batches is None else batches
    if decoded:
        return as_written(_slices(decoded, batch_size).skip(of.start).take(len(of)))
    records = open_shards(dataset, dataset.shards(split))
    some = records.skip(of.start * batch_size).take(len(of) * batch_size)
    built = decode_batches(some, dataset, batch_size)
    return as_written(built.apply(tf.data.experimental.assert_cardinality(len(of))).prefetch(read_ahead()))


def validation_batches(
    dataset: Dataset,
    head: Head,
    *,
    batch_size: int = EVAL_BATCH,
    cache: Cache = "auto",
    memory_share: float = MEMORY_SHARE,
    shared: Path | None = None,
) -> Any:
    """Build the batches of the validation split for `fit`, in stored order, cached as in `train_batches`.

    Returns:
        A tf.data.Dataset of (image float32 [batch, height, width, channels] in 0 to 1, label float32 [batch, units],
        or [batch] for two classes).
    """
    batches = eval_batches(
        dataset, "validation", batch_size=batch_size, cache=cache, memory_share=memory_share, shared=shared
    )
    calls = parallel_calls(is_light=True)
    inputs = batches.map(lambda batch: _as_inputs(batch, head), num_parallel_calls=calls)
    return as_written(inputs.prefetch(read_ahead()))


def _cached(dataset: Dataset, split: str, cache: Cache, memory_share: float, shared: Path | None) -> Decoded | None:
    """Decode a split if its images are cached; None if they are streamed."""
    index = choose_cache(dataset, split, cache, memory_share)
    if index == "disk":
        require(shared is not None, "cache disk needs a folder for decoded images")
        return map_split(dataset, split, cast("Path", shared))
    return decode_split(dataset, split, shared) if index == "memory" else None


def _slices(decoded: Decoded, batch_size: int) -> Any:
    with tf.device("CPU:0"):
        parts = {
            "image": as_tensor(decoded.images),
            "label": tf.constant(decoded.labels),
            "key": tf.constant(decoded.keys),
        }
    starts = tf.data.Dataset.range(0, len(decoded.keys), batch_size)
    return starts.map(lambda start: {name: values[start : start + batch_size] for name, values in parts.items()})


def as_float(image: Any) -> Any:
    """Scale uint8 pixels to float32 in 0 to 1."""
    return tf.cast(image, tf.float32) / 255.0


def choose_cache(dataset: Dataset, split: str, cache: Cache, memory_share: float = MEMORY_SHARE) -> Cache:
    """Resolve "auto": memory if a split's decoded pixels fill at most that share of it, else none."""
    if cache != "auto":
        return cache
    return "memory" if dataset.decoded_bytes(split) <= memory_share * memory() else "none"


def _reduced(images: Any, sides: tuple[int, int] | None) -> Any:
    return images if sides is None else tf.image.resize(images, sides, method="area")


def _as_inputs(batch: dict[str, Any], head: Head) -> tuple[Any, Any]:
    return as_float(batch["image"]), encode_labels(head, batch["label"])
