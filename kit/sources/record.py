"""What a source holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image file as the folder lists it, unread.

    Attributes:
        path: where it lies.
        name: its path below the source folder, with '/' on every system.
        size: bytes.
        modified: nanoseconds since 1970.
    """

    path: Path
    name: str
    size: int
    modified: int

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name[: -len(self.path.suffix)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An image to store.

    Attributes:
        key: unique in its split: the id in the label file, or the name.
        file: the image.
        label: the class's name; None in an unlabelled test split.
        split: the split that the source itself puts it in, if it does.
    """

    key: str
    file: ImageFile
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """An input that cannot be stored, and why, in words for people."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Everything found, nothing read yet.

    Attributes:
        records: labelled ones sorted by key, then an unlabelled test split in its sample submission's order.
        rejects: files without a label and ids without a file.
        sample_submission: the file, if there is one.
    """

    records: tuple[Record, ...]
    rejects: tuple[Reject, ...] = ()
    sample_submission: Path | None = None
