"""What a source holds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from numpy.typing import NDArray

UNLABELLED = "unlabelled"  # counted like a class in a split that has no labels

_MORE = 1 << 20  # bytes


class ImageFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An image file as the folder lists it, unread; a Struct because there may be millions.

    Attributes:
        folder: of the source.
        name: its path below that, with '/' on every system.
        size: bytes.
        modified: nanoseconds since 1970.
    """

    folder: Path
    name: str
    size: int
    modified: int

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.name

    def read(self) -> bytes:
        """Read the whole file, with as few system calls as can be: its size is known."""
        handle = os.open(f"{self.folder}/{self.name}", os.O_RDONLY)
        try:
            data = os.read(handle, self.size + 1)
            while len(data) != self.size:  # changed since it was listed, or lies on a network
                if not (more := os.read(handle, _MORE)):
                    break
                data += more
            return data
        finally:
            os.close(handle)

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return os.path.splitext(self.name)[0]  # noqa: PTH122 (a third of pathlib's time)

    @property
    def identity(self) -> tuple[str, int, int]:
        """What changes when the image does."""
        return self.name, self.size, self.modified


class ArrayImage(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An image that a caller holds as an array.

    Attributes:
        name: made of its place.
        pixels: [height, width] or [height, width, channels].
        digest: of all the caller's arrays together.
    """

    name: str
    pixels: NDArray[Any]
    digest: str

    @property
    def size(self) -> int:
        """Bytes of the pixels."""
        return self.pixels.nbytes

    def read(self) -> NDArray[Any]:
        """Return the pixels, where a file would return its bytes."""
        return self.pixels

    @property
    def path(self) -> Path:
        """The name, for messages."""
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
        key: unique in its split: the id in the label file, or the name.
        file: the image.
        label: the class's name; None in an unlabelled test split.
        split: the split that the source itself puts it in, if it does.
        group: what must not be divided between splits or folds, such as a patient; empty where there is none.
    """

    key: str
    file: Image
    label: str | None = None
    split: str | None = None
    group: str = ""

    @property
    def id(self) -> RecordId:
        """Split and name of the file: no other record of a source has both."""
        return self.split, self.file.name


@dataclass(frozen=True, slots=True)
class Reject:
    """An input that is not stored, and why, in words for people.

    Attributes:
        name: path or id.
        reason: for people.
        is_bad: whether it counts against the bad inputs that the user allows; what was left out on purpose does not.
    """

    name: str
    reason: str
    is_bad: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Everything found, nothing read yet.

    Attributes:
        records: labelled ones sorted by key, then an unlabelled test split in its sample submission's order.
        rejects: files without a label, ids without a file, what is no image, and what was left out on purpose.
        sample_submission: the file, if there is one.
    """

    records: tuple[Record, ...]
    rejects: tuple[Reject, ...] = ()
    sample_submission: Path | None = None
