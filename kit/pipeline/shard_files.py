"""Shard files for tf.data; those of a store without room on this machine are downloaded ahead of being read."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from kit.compat import tf
from kit.datasets import Dataset, ShardInfo
from kit.errors import KitError, WorkspaceError
from kit.files import size_text
from kit.storage import room_for_copies

_STREAMED = ".streamed"  # folder beside the shards for those that come and go, a folder for each process
_OPEN = 20  # newest files that stay: more than are read at a time (8 and 1 of validation), or about to be
_AHEAD = 4  # files downloaded before they are read


def open_shards(dataset: Dataset, shards: Sequence[ShardInfo]) -> Any:
    """Read the serialized records of shards in order: tf.data.Dataset of string []."""
    paths = shard_paths(dataset, shards)
    if not dataset.missing(shards):
        return tf.data.TFRecordDataset(paths)
    return located(tf.data.Dataset.from_tensor_slices(paths), dataset, shards).flat_map(tf.data.TFRecordDataset)


def shard_paths(dataset: Dataset, shards: Sequence[ShardInfo]) -> Any:
    """Return the paths of shards, string [shards], on this machine or not."""
    return tf.constant([str(dataset.folder / shard.name) for shard in shards])


def located(paths: Any, dataset: Dataset, shards: Sequence[ShardInfo]) -> Any:
    """Replace the paths of shards that are not on this machine by those of copies, downloaded ahead.

    Args:
        paths: Dataset (tf.data.Dataset) of paths, string [].
        dataset: Dataset of the shards.
        shards: Shards that the paths are of.
    """
    if not dataset.missing(shards):
        return paths
    window = _window(dataset.folder)

    def find(path: bytes) -> bytes:
        return os.fsencode(window.find(dataset, os.path.basename(os.fsdecode(path))))  # noqa: PTH119 (of a text)

    def look(path: Any) -> Any:
        found = tf.numpy_function(find, [path], tf.string)
        return tf.ensure_shape(found, [])

    return paths.map(look).prefetch(_AHEAD)


@contextlib.contextmanager
def download_named() -> Iterator[None]:
    """Run a block that reads with TensorFlow; raise the error of a download as itself, not as TensorFlow's.

    Raises:
        StoreError: A shard could not be downloaded.
        WorkspaceError: There is no room for it.
    """
    _failures.clear()
    try:
        yield
    except tf.errors.OpError as error:
        if _failures:
            raise _failures.pop() from error
        raise


_failures: list[KitError] = []


class _Window:
    """The newest shards of a dataset, downloaded by this process; the oldest go when room is needed.

    Args:
        folder: Folder of the dataset.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / _STREAMED / str(os.getpid())
        _sweep(folder / _STREAMED)
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._newest: dict[str, Path] = {}
        self._lock = threading.Lock()

    def find(self, dataset: Dataset, name: str) -> Path:
        """Return the path of a shard, after downloading it if necessary."""
        kept = dataset.folder / name
        if kept.is_file():
            return kept
        with self._lock:
            path = self._newest.pop(name, self._folder / name)
            if not path.is_file():
                try:
                    self._download(dataset, name, path)
                except KitError as error:
                    _failures.append(error)
                    raise
            self._newest[name] = path
            return path

    def _download(self, dataset: Dataset, name: str, path: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)  # it went with a dataset that was replaced in the store
        (shard,) = (shard for shard in dataset.manifest.shards if shard.name == name)
        while shard.bytes > room_for_copies(self._folder):
            if len(self._newest) <= _OPEN:
                raise WorkspaceError(
                    f"{self._folder} has no room for {size_text(shard.bytes)}, the size of a shard: {_OPEN} of them are"
                    " kept while they are streamed; free some, or shard into more and smaller ones"
                )
            self._newest.pop(next(iter(self._newest))).unlink(missing_ok=True)
        stored = dataset.stored
        head = stored.copied_head() if stored else None
        if stored and head:
            stored.download(head, name, shard.xxh128, path)


@cache
def _window(folder: Path) -> _Window:
    return _Window(folder)


def _sweep(folder: Path) -> None:
    """Remove the files of killed processes."""
    for other in folder.glob("[0-9]*"):
        try:
            os.kill(int(other.name), 0)
        except ProcessLookupError:
            shutil.rmtree(other, ignore_errors=True)
        except PermissionError:  # another user's
            continue
