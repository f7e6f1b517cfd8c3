"""Splits decoded as a whole, once for all processes that read them."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.compat import tf
from kit.files import begun_file
from kit.pipeline.decode import decode_batches
from kit.shards import Dataset

_BATCH = 256  # images that are decoded at a time
_PIXELS, _LABELS, _KEYS = "pixels", "labels", "keys"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Examples in stored order.

    Attributes:
        images: uint8 [records, height, width, channels].
        labels: int32 [records]; -1 where there is none.
        keys: bytes [records].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    keys: NDArray[np.bytes_]


def decode_split(dataset: Dataset, split: str, shared: Path | None = None) -> Decoded:
    """Decode a split into memory.

    Args:
        dataset: whose images have one size.
        split: of it.
        shared: folder in which each shard's decoded examples lie for other processes; whoever comes first decodes
            them while the others wait. None where nobody else reads them, or where the disk is too full.
    """
    names = [shard.name for shard in dataset.shards(split)]
    if shared is None:
        return _decode(dataset, names)
    with _alone(shared):
        parts = [_kept(dataset, name, shared) for name in names]
    return Decoded(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def _alone(shared: Path) -> AbstractContextManager[object]:
    from filelock import FileLock  # noqa: PLC0415 (slow to import)

    shared.mkdir(parents=True, exist_ok=True)
    return FileLock(shared / ".lock")  # waits as long as it takes; a killed process holds nothing


def _kept(dataset: Dataset, name: str, shared: Path) -> Decoded:
    """Load what another process decoded, or decode it and keep it where the disk has room."""
    paths = [shared / f"{name}.{part}.npy" for part in (_KEYS, _LABELS, _PIXELS)]
    if paths[-1].is_file():  # written last
        keys, labels, images = (np.load(path, mmap_mode="r") for path in paths)
        return Decoded(images, labels, keys)
    decoded = _decode(dataset, [name])
    if shutil.disk_usage(shared).free > 2 * decoded.images.nbytes:
        arrays: list[NDArray[np.generic]] = [decoded.keys, decoded.labels, decoded.images]
        for path, values in zip(paths, arrays, strict=True):
            _write(path, values)
    return decoded


def _write(path: Path, values: NDArray[np.generic]) -> None:
    """Write an array whole, though not to the disk for good: it serves this ablation only."""
    with begun_file(path) as temporary:
        with temporary.open("wb") as file:
            np.save(file, values)
        temporary.replace(path)


def _decode(dataset: Dataset, names: list[str]) -> Decoded:
    counts = {shard.name: shard.records for shard in dataset.manifest.shards}
    records = sum(counts[name] for name in names)
    images = np.empty((records, *dataset.shape), np.uint8)
    labels = np.empty(records, np.int32)
    keys: list[bytes] = []
    serialized = tf.data.TFRecordDataset([str(dataset.folder / name) for name in names])
    start = 0
    for batch in decode_batches(serialized, dataset, _BATCH, drop_remainder=False).as_numpy_iterator():
        end = start + len(batch["label"])
        images[start:end], labels[start:end] = batch["image"], batch["label"]
        keys += batch["key"].tolist()
        start = end
    return Decoded(images, labels, np.array(keys, np.bytes_))
