"""Arrays of an .npz file, read without unpickling and without allocating more memory than the file's data needs."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import SourceError
from kit.files import size_text
from kit.memory import free_memory

_ENDING = ".npy"
_PACKED = {
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
}  # as numpy.savez packs; a kilobyte of others may unpack to gigabytes
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class _Declared(NamedTuple):
    """Shape and dtype in the header of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def size(self) -> int:
        """Size of the array, bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays_of(path: Path, is_wanted: Callable[[str], object]) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Read some arrays of an .npz file.

    Args:
        path: Path of the file.
        is_wanted: Function of an array's name that tells whether to read it.

    Returns:
        The arrays by name, and the names of all arrays of the file.

    Raises:
        SourceError: The file cannot be read, is no .npz file of numbers, claims more than it holds, or holds more than
            the memory that is free.
    """
    try:
        with path.open("rb") as opened, zipfile.ZipFile(opened) as archive:
            names = [name.removesuffix(_ENDING) for name in archive.namelist()]
            wanted = [name for name in names if is_wanted(name)]
            _check(path, archive, wanted)
            return {name: _read(archive, name) for name in wanted}, names
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(f"{path} is not an .npz file of numbers; write it with numpy.savez") from error


def _check(path: Path, archive: zipfile.ZipFile, names: Sequence[str]) -> None:
    """Compare the headers with the sizes of the members, and the sizes with the free memory."""
    need = 0
    for name in names:
        member = archive.getinfo(name + _ENDING)
        if member.compress_type not in _PACKED:
            raise SourceError(f"{path}: array {name} is neither stored nor deflated; write the file with numpy.savez")
        with archive.open(member) as file:
            declared = _declared(file)
            held = member.file_size - file.tell()
        if declared.dtype.hasobject:
            raise SourceError(f"{path}: array {name} holds Python objects, which kit does not load; write numbers")
        if declared.size != held:
            raise SourceError(
                f"{path}: array {name} claims {declared.size:,} bytes of {declared.dtype} {list(declared.shape)}, and"
                f" holds {held:,}; write the file again with numpy.savez"
            )
        need += held
    if need > (free := free_memory()):
        raise SourceError(
            f"{path}: its arrays need {size_text(need)} of memory, and {size_text(free)} are free; give fewer images,"
            " or image files in folders"
        )


def _declared(file: IO[bytes]) -> _Declared:
    """Read an array's header.

    Raises:
        ValueError: It is not the header of an array.
    """
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError
    shape, _, dtype = _HEADERS[version](file)
    return _Declared(shape, dtype)


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name + _ENDING) as file:
        values: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
        return values
