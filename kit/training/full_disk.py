"""What a training writes to a disk that may be full: weights whole or not at all, and errors that name the file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
        return "memory.weights.h5"

    __fspath__ = __str__  # Keras asks whether there is such a file already

    def write_to(self, path: Path) -> None:
        """Write it to the disk, sealed.

        Raises:
            OSError: the disk is full, or does not take it; what stood at `path` is untouched.
        """
        with whole_file(path) as temporary:
            temporary.write_bytes(self.getbuffer())
            seal(temporary)


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
