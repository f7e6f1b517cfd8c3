"""Sources become shards: division into splits and folds, image codec, TFRecord files, manifest."""

from kit.conversion.shard import shard, shard_arrays

__all__ = ["shard", "shard_arrays"]
