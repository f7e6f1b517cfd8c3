"""Cache of decoded splits in memory or in files, shared by epochs and processes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.compat import tf
from kit.datasets import Dataset
from kit.errors import WorkspaceError, option
from kit.files import begun_file, size_text
from kit.pipeline.parallel import as_written
from kit.pipeline.parse import decode_batches
from kit.pipeline.shard_files import open_shards
from kit.progress import NO_PROGRESS, Progress
from kit.targets import Truth

_BATCH = 256  # images decoded at a time
_ALIGNED = 64  # bytes: TensorFlow's alignment of a tensor's memory
_PIXELS, _LABELS, _KEYS = "pixels", "labels", "keys"


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded examples in stored order.

    Attributes:
        images: Uint8 [records, height, width, channels]; in memory, or a memory-mapped file.
        labels: Labels of the records, see `kit.targets.Truth`.
        keys: Bytes [records].
    """

    images: NDArray[np.uint8]
    labels: Truth
    keys: NDArray[np.bytes_]


def decode_split(dataset: Dataset, split: str, shared: Path | None = None) -> Decoded:
    """Decode a split into memory.

    Args:
        dataset: Dataset with images of one size.
        split: Name of the split.
        shared: Folder of each shard's decoded examples for several processes; the first process decodes them while the
            others wait. None for a single process, or if the disk is too full.
    """
    names = [shard.name for shard in dataset.shards(split)]
    if shared is None:
        return _decode(dataset, names)
    with _alone(shared):
        parts = [_kept(dataset, name, shared) for name in names]
    images = _room((sum(len(part.images) for part in parts), *dataset.shape))
    return Decoded(
        np.concatenate([part.images for part in parts], out=images),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def map_split(dataset: Dataset, split: str, folder: Path, *, progress: Progress = NO_PROGRESS) -> Decoded:
    """Decode a split into files, and memory-map its images, which are read on access.

    Args:
        dataset: Dataset with images of one size.
        split: Name of the split.
        folder: Folder of the decoded files, possibly shared with other processes; valid existing files are used.
        progress: Receiver of every decoded image.

    Raises:
        WorkspaceError: The disk has no room for them.
    """
    names = [shard.name for shard in dataset.shards(split)]
    with _alone(folder):
        paths = _paths(folder, f"{split}-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}")
        if kept := _found(paths, dataset, names):
            return kept
        _refuse_full(dataset, split, folder)
        progress.start(f"decode {split}", dataset.manifest.records(split))
        _decode_into(paths, dataset, names, progress)
        progress.finish()
        return _mapped(paths)


def as_tensor(values: NDArray[np.uint8]) -> Any:
    """Make a tensor that shares the memory or the file of an array of pixels; a copy if that is impossible.

    `tf.constant` would hold a second copy for the lifetime of the tensor.
    """
    with tf.device("CPU:0"):
        if values.ctypes.data % _ALIGNED or not values.flags.c_contiguous or not values.size:
            return tf.constant(values)
        return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


def _alone(shared: Path) -> AbstractContextManager[object]:
    from filelock import FileLock  # noqa: PLC0415 (slow to import)

    shared.mkdir(parents=True, exist_ok=True)
    return FileLock(shared / ".lock")  # without a timeout: the lock of a killed process is released


def _paths(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}.{part}.npy" for part in (_KEYS, _LABELS, _PIXELS)]


def _refuse_full(dataset: Dataset, split: str, folder: Path) -> None:
    needed, free = dataset.decoded_bytes(split), shutil.disk_usage(folder).free
    if needed > free:
        raise WorkspaceError(
            f"{folder}: the decoded {split} images fill {size_text(needed)}, and {size_text(free)} are free;"
            f" free some space, or give {option('cache', 'none')}"
        )


def _decode_into(paths: Sequence[Path], dataset: Dataset, names: list[str], progress: Progress) -> None:
    """Decode shards into files, batch by batch; the file of pixels is renamed last."""
    keys: list[bytes] = []
    labels: list[Truth] = []
    header = {"descr": "|u1", "fortran_order": False, "shape": (_count(dataset, names), *dataset.shape)}
    with begun_file(paths[-1]) as temporary:
        with temporary.open("xb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for batch in _batches(dataset, names):
                file.write(batch["image"].data)
                labels.append(batch["label"])
                keys += batch["key"].tolist()
                progress.advance(len(batch["label"]))
        arrays: list[NDArray[np.generic]] = [np.array(keys, np.bytes_), np.concatenate(labels)]
        for path, values in zip(paths, arrays, strict=False):
            _write(path, values)
        temporary.replace(paths[-1])


def _kept(dataset: Dataset, name: str, shared: Path) -> Decoded:
    """Load the examples decoded by another process, or decode them and store them if the disk has room."""
    paths = _paths(shared, name)
    if kept := _found(paths, dataset, [name]):
        return kept
    decoded = _decode(dataset, [name])
    if shutil.disk_usage(shared).free > 2 * decoded.images.nbytes:
        arrays: list[NDArray[np.generic]] = [decoded.keys, decoded.labels, decoded.images]
        for path, values in zip(paths, arrays, strict=True):
            _write(path, values)
    return decoded


def _found(paths: Sequence[Path], dataset: Dataset, names: list[str]) -> Decoded | None:
    """Map existing decoded files; None if they are missing, or do not match these shards.

    Nothing is unpickled, and headers that claim more than their file holds are refused.
    """
    try:
        found = _mapped(paths)
    except (OSError, ValueError, EOFError):
        return None
    count = _count(dataset, names)
    labels = _no_labels(dataset)
    shapes = (found.images.shape, found.labels.shape, found.keys.shape)
    kinds = f"{found.images.dtype} {found.labels.dtype} {found.keys.dtype.kind}"
    expected = ((count, *dataset.shape), (count, *labels.shape[1:]), (count,))
    is_theirs = shapes == expected and kinds == f"uint8 {labels.dtype} S"
    return found if is_theirs else None


def _mapped(paths: Sequence[Path]) -> Decoded:
    """Map files into memory; copy-on-write ("c"), as TensorFlow refuses read-only arrays."""
    keys, labels, images = (np.load(path, mmap_mode="c", allow_pickle=False) for path in paths)
    return Decoded(images, labels, keys)


def _write(path: Path, values: NDArray[np.generic]) -> None:
    """Write an array under a temporary name first, without fsync: it can be made again."""
    with begun_file(path) as temporary:
        with temporary.open("xb") as file:  # np.save's own error does not name a full disk
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
            file.write(np.ascontiguousarray(values).data)
        temporary.replace(path)


def _decode(dataset: Dataset, names: list[str]) -> Decoded:
    records = _count(dataset, names)
    images = _room((records, *dataset.shape))
    none = _no_labels(dataset)
    labels = np.empty((records, *none.shape[1:]), none.dtype)
    keys: list[bytes] = []
    for batch in _batches(dataset, names):
        start, end = len(keys), len(keys) + len(batch["label"])
        images[start:end], labels[start:end] = batch["image"], batch["label"]
        keys += batch["key"].tolist()
    return Decoded(images, labels, np.array(keys, np.bytes_))


def _no_labels(dataset: Dataset) -> Truth:
    """Labels of no images, which have the type and the columns of all others."""
    return dataset.manifest.target.encode([])


def _count(dataset: Dataset, names: list[str]) -> int:
    counts = {shard.name: shard.records for shard in dataset.manifest.shards}
    return sum(counts[name] for name in names)


def _batches(dataset: Dataset, names: list[str]) -> Iterator[dict[str, Any]]:
    shards = {shard.name: shard for shard in dataset.manifest.shards}
    serialized = open_shards(dataset, [shards[name] for name in names])
    yield from as_written(decode_batches(serialized, dataset, _BATCH)).as_numpy_iterator()


def _room(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Allocate an array with TensorFlow's alignment."""
    size = int(np.prod(shape))
    room = np.empty(size + _ALIGNED, np.uint8)
    begin = -room.ctypes.data % _ALIGNED
    return room[begin : begin + size].reshape(shape)
