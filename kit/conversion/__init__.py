"""Writes datasets: division into splits and folds, image encoding, TFRecord shards, manifest."""

from kit.conversion.build_part import ShardedPart
from kit.conversion.shard import shard, shard_arrays

__all__ = ["ShardedPart", "shard", "shard_arrays"]
