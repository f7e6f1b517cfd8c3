"""Writes datasets: division into splits and folds, image encoding, TFRecord shards, manifest."""

from kit.conversion.shard import shard, shard_arrays

__all__ = ["shard", "shard_arrays"]
