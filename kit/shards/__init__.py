"""Records become shards: plan, image codec, TFRecord files, manifest, verification."""

from kit.shards.convert import shard, shard_arrays
from kit.shards.dataset import Dataset, find_dataset
from kit.shards.manifest import Manifest, ShardInfo
from kit.shards.verify import verify_dataset

__all__ = ["Dataset", "Manifest", "ShardInfo", "find_dataset", "shard", "shard_arrays", "verify_dataset"]
