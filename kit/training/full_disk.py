"""What a training writes to a disk that may be full: weights whole or not at all, and errors that name the file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from kit.compat import tf
from kit.files import seal, whole_file


class WeightsFile(io.BytesIO):
    """An HDF5 file of a model's weights in memory, which Keras and h5py take for one on the disk.

    On a full disk HDF5 ends the process with a segmentation fault when it closes what it could not write.

    Args:
        model: Keras model, whose optimizer is kept too where it has one.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        model.save_weights(self)

    def __str__(self) -> str:
        """Name the format, which Keras chooses by a name's ending."""
        return _NameOfFile(self)

    __fspath__ = __str__  # Keras asks whether there is such a file already

    def write_to(self, path: Path) -> None:
        """Write it to the disk, sealed.

        Raises:
            OSError: the disk is full, or does not take it; what stood at `path` is untouched.
        """
        with whole_file(path) as temporary:
            temporary.write_bytes(self.getbuffer())
            seal(temporary)


class _NameOfFile(str):
    """The name of a file in memory that reads and writes as the file does.

    Keras before 3.10 hands the name alone to h5py, which takes whatever reads and seeks for a file.
    """

    __slots__ = ("_file",)

    _file: io.BytesIO

    def __new__(cls, file: io.BytesIO) -> Self:
        name = super().__new__(cls, "memory.weights.h5")
        name._file = file
        return name

    def __getattr__(self, method: str) -> Any:
        return getattr(self._file, method)


@contextlib.contextmanager
def full_disk_named(folder: Path) -> Iterator[None]:
    """Run a block in which TensorFlow writes to `folder` or below; its word for a full disk becomes Python's.

    Raises:
        OSError: the disk is full; TensorFlow says the same of memory that is.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise OSError(errno.ENOSPC, full, str(folder)) from error
