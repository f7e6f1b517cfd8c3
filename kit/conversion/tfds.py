"""Metadata files with which tensorflow_datasets.builder_from_directory opens a dataset.

Their fields are those of tensorflow_datasets 4.9 (core/proto/dataset_info.proto, feature.proto), found by opening
folders with it: nested dictionaries stand for keys with slashes, and class names are in a text file, which is found by
its feature's keys with hyphens between them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kit.datasets.manifest import Manifest
from kit.files import write_whole
from kit.targets import Target

_FEATURES = "tensorflow_datasets.core.features"
VERSION = "1.0.0"
NAMES = "image-class-label.labels.txt"  # names of classes, grades or tags, one a line


def write_description(folder: Path, manifest: Manifest) -> None:
    """Write dataset_info.json, features.json and the names of classes, grades or tags beside the shards."""
    write_whole(folder / "dataset_info.json", _dump(_dataset_info(manifest)))
    write_whole(folder / "features.json", _dump(_features(manifest)))
    if manifest.target.stores in _LABELS:
        write_whole(folder / NAMES, "\n".join(manifest.classes) + "\n")


def _dataset_info(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "version": VERSION,
        "fileFormat": "tfrecord",
        "moduleName": "kit",
        "splits": [_split(manifest, split) for split in manifest.splits],
    }


def _split(manifest: Manifest, split: str) -> dict[str, Any]:
    shards = [shard for shard in manifest.shards if shard.split == split]
    return {
        "name": split,
        "filepathTemplate": "{SPLIT}-{SHARD_X_OF_Y}.{FILEFORMAT}",
        "numBytes": str(sum(shard.bytes for shard in shards)),
        "shardLengths": [str(shard.records) for shard in shards],
    }


def _features(manifest: Manifest) -> dict[str, Any]:
    target = manifest.target
    label = {"label": _LABELS[target.stores](target)} if target.stores in _LABELS else {}
    values = {} if label else {"values": _tensor("float32", (len(target.names),))}
    image = {
        "encoded": _encoded(manifest),
        "class": _dict({**label, "text": _text()}),
        **values,
        **{name: _text() for name in ("filename", "format", "group", "key")},
        **{name: _integer() for name in ("channels", "fold", "height", "width")},
    }
    return _dict({"image": _dict(image)})


def _class_label(target: Target) -> dict[str, Any]:
    return _node("class_label_feature.ClassLabel", "classLabel", {"numClasses": str(len(target.names))})


def _class_labels(target: Target) -> dict[str, Any]:
    return _node("sequence_feature.Sequence", "sequence", {"feature": _class_label(target), "length": "-1"})


_LABELS: Mapping[str, Callable[[Target], dict[str, Any]]] = {"index": _class_label, "indices": _class_labels}


def _encoded(manifest: Manifest) -> dict[str, Any]:
    """Describe the pixels: raw ones as a tensor of bytes, encoded ones as an image; a mixture stays undecoded."""
    shape = manifest.image.shape
    formats = set(manifest.image.formats)
    if formats == {"raw"} and shape:
        return _tensor("uint8", shape, encoding="bytes")
    if "raw" in formats:
        return _tensor("string", ())
    height, width = shape[:2] if shape else (-1, -1)
    dimensions = [str(side) for side in (height, width, manifest.image.channels)]
    content = {"shape": {"dimensions": dimensions}, "dtype": "uint8"}
    return _node("image_feature.Image", "image", content)


def _tensor(dtype: str, shape: tuple[int, ...], *, encoding: str = "none") -> dict[str, Any]:
    dimensions = {"dimensions": [str(side) for side in shape]} if shape else {}
    content = {"shape": dimensions, "dtype": dtype, "encoding": encoding}
    return _node("tensor_feature.Tensor", "tensor", content)


def _integer() -> dict[str, Any]:
    return _node("scalar.Scalar", "tensor", {"shape": {}, "dtype": "int64", "encoding": "none"})


def _text() -> dict[str, Any]:
    return _node("text_feature.Text", "text", {})


def _dict(features: dict[str, Any]) -> dict[str, Any]:
    return _node("features_dict.FeaturesDict", "featuresDict", {"features": features})


def _node(name: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"pythonClassName": f"{_FEATURES}.{name}", kind: content}


def _dump(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2) + "\n"
