"""Input pipelines from shards to batches, with tf.data."""

from kit.pipeline.augmentation import augment_batch
from kit.pipeline.batches import (
    MEMORY_SHARE,
    as_float,
    choose_cache,
    eval_batches,
    train_batches,
    train_examples,
    validation_batches,
)
from kit.pipeline.cache import map_split
from kit.pipeline.damaged_shards import damage_named
from kit.pipeline.labels import encode_labels
from kit.pipeline.load import load
from kit.pipeline.parallel import as_written
from kit.pipeline.random_numbers import BatchShare
from kit.pipeline.test_time_views import batch_views

__all__ = [
    "MEMORY_SHARE",
    "BatchShare",
    "as_float",
    "as_written",
    "augment_batch",
    "batch_views",
    "choose_cache",
    "damage_named",
    "encode_labels",
    "eval_batches",
    "load",
    "map_split",
    "train_batches",
    "train_examples",
    "validation_batches",
]
