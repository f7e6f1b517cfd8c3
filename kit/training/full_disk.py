"""Writing on a disk that may be full: weights are written whole or not at all, and errors name the file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from kit.compat import save_weights, tf
from kit.files import seal, whole_file


class WeightsFile(io.BytesIO):
    """An HDF5 file of a model's weights in memory, which Keras and h5py treat like one on the disk.

    On a full disk HDF5 ends the process with a segmentation fault when it closes a file that it could not write.

    Args:
        model: Keras model; its optimizer, if it has one, is saved too.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        save_weights(model, self)

    def __str__(self) -> str:
        """Return a name with the ending by which Keras chooses the format."""
        return _NameOfFile(self)

    __fspath__ = __str__  # Keras checks whether the file exists already

    def write_to(self, path: Path) -> None:
        """Write the file to the disk, with a seal.

        Raises:
            OSError: The disk is full or not writable; a previous file at `path` is unchanged.
        """
        with whole_file(path) as temporary:
            temporary.write_bytes(self.getbuffer())
            seal(temporary)


class _NameOfFile(str):
    """The name of a file in memory, with the file's methods.

    Keras before 3.10 passes only the name to h5py, which accepts any object with read and seek as a file.
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
    """Run a block in which TensorFlow writes to `folder`, and translate its error for a full disk.

    Raises:
        OSError: The disk is full; TensorFlow raises the same error for exhausted memory.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        full = os.strerror(errno.ENOSPC)
        if full not in str(error):
            raise
        raise OSError(errno.ENOSPC, full, str(folder)) from error
