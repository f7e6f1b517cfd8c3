"""Records, rejects and image files: the contents of a source."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from numpy.typing import NDArray

from kit.files import size_text
from kit.memory import free_memory
from kit.targets import Target

UNLABELLED = "unlabelled"  # counted like a class in a split without labels

_MOST_AT_ONCE = 1 << 30  # 1 GiB: Linux reads 2 GiB at a time at most
_SOME = 16  # image files that stand for all: they may lie on several disks
_LARGE = 64 << 20  # 64 MiB: the free memory is checked before larger files are read
# Without waiting for a pipe or a terminal that replaced a file; Windows lacks these flags.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


class ImageFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image file as the folder lists it, unread; a Struct because there may be millions.

    Attributes:
        folder: Folder of the source.
        name: Path of the file relative to `folder`, with '/' on every system.
        size: Size, bytes.
        modified: Time of the last change, nanoseconds since 1970.
    """

    folder: Path
    name: str
    size: int
    modified: int

    @property
    def path(self) -> Path:
        """Path of the file."""
        return self.folder / self.name

    def read(self) -> bytes:
        """Read the whole file, with as few system calls as possible.

        Raises:
            OSError: The file cannot be read: it is gone, no longer a file, larger than the free memory, or grows
                meanwhile.
        """
        handle = os.open(f"{self.folder}/{self.name}", _FLAGS)
        try:
            return _read_all(handle)
        finally:
            os.close(handle)

    @property
    def stem(self) -> str:
        """Name without its ending."""
        return os.path.splitext(self.name)[0]  # noqa: PTH122 (a third of pathlib's time)

    @property
    def identity(self) -> tuple[str, int, int]:
        """What changes when the image does."""
        return self.name, self.size, self.modified


def _read_all(handle: int) -> bytes:
    """Read an open file up to its present size."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no longer a file, but a device, a pipe or a folder")
    size = status.st_size
    if size > _LARGE and size > (free := free_memory()):
        raise OSError(errno.ENOMEM, f"it has {size_text(size)}, and {size_text(free)} of memory are free")
    try:
        data = os.read(handle, size + 1) if size < _MOST_AT_ONCE else _read_in_pieces(handle, size + 1)
        if len(data) < size:  # truncated meanwhile, or a short read from a network
            data += _read_in_pieces(handle, size + 1 - len(data))
    except MemoryError as error:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from error
    if len(data) > size:
        raise OSError(errno.EFBIG, "it grew while it was read")
    return data


def _read_in_pieces(handle: int, most: int) -> bytes:
    pieces = []
    while most and (piece := os.read(handle, min(most, _MOST_AT_ONCE))):
        pieces.append(piece)
        most -= len(piece)
    return b"".join(pieces)


class ArrayImage(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An image given as an array.

    Attributes:
        name: Name made from its index.
        pixels: [height, width] or [height, width, channels].
        digest: Hash of all the caller's arrays together.
    """

    name: str
    pixels: NDArray[Any]
    digest: str

    @property
    def size(self) -> int:
        """Size of the pixels, bytes."""
        return self.pixels.nbytes

    def read(self) -> NDArray[Any]:
        """Return the pixels, the counterpart of a file's bytes."""
        return self.pixels

    @property
    def path(self) -> Path:
        """Name as a path, for messages."""
        return Path(self.name)

    @property
    def identity(self) -> tuple[str, int, str]:
        """What changes when the image does."""
        return self.name, self.size, self.digest


Image: TypeAlias = ImageFile | ArrayImage
RecordId: TypeAlias = tuple[str | None, str]


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image to store.

    Attributes:
        key: Key, unique in its split: the id in the label file, or the file's name.
        file: File of the image.
        label: Label as a text that the source's target reads; None in an unlabelled test split.
        split: Split in the source, if the source is divided.
        group: Group that must not be divided between splits or folds, such as a patient; empty where there is none.
    """

    key: str
    file: Image
    label: str | None = None
    split: str | None = None
    group: str = ""

    @property
    def id(self) -> RecordId:
        """Identifier within a source: the split and the file's name."""
        return self.split, self.file.name


@dataclass(frozen=True, slots=True)
class Reject:
    """An input that is not stored, and the reason.

    Attributes:
        name: Path or id.
        reason: Reason in plain words.
        is_bad: Whether it counts towards the allowed number of bad inputs; inputs left out on purpose do not.
    """

    name: str
    reason: str
    is_bad: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """All records and rejects of a source, before any image is read.

    Attributes:
        records: Labelled records sorted by key, then an unlabelled test split in its sample submission's order.
        target: Meaning of the labels.
        label_columns: Columns of a label file that hold the labels; empty for folders and arrays.
        rejects: Files without a label, ids without a file, files that are no image, and what was left out on purpose.
        sample_submission: Sample submission, if there is one.
        notes: Remarks for people on how the labels were read, each a line.
    """

    records: tuple[Record, ...]
    target: Target
    label_columns: tuple[str, ...] = ()
    rejects: tuple[Reject, ...] = ()
    sample_submission: Path | None = None
    notes: tuple[str, ...] = ()

    def some_files(self) -> list[Path]:
        """List some of the image files, spread over all of them; none if the images lie in one file or in memory."""
        files = [record.file.path for record in self.records if isinstance(record.file, ImageFile)]
        return files[:: max(1, len(files) // _SOME)]
