"""Shards become batches."""

from kit.pipeline.batches import (
    as_float,
    eval_batches,
    steps_per_epoch,
    train_batches,
    validation_batches,
)

__all__ = ["as_float", "eval_batches", "steps_per_epoch", "train_batches", "validation_batches"]
