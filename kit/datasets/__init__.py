"""Datasets on disk: manifests, records, examples and verification."""

from kit.datasets.dataset import Dataset
from kit.datasets.find import find_dataset
from kit.datasets.manifest import Manifest, ShardInfo
from kit.datasets.verify import verify_dataset

__all__ = ["Dataset", "Manifest", "ShardInfo", "find_dataset", "verify_dataset"]
