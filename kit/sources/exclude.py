"""Images that a person has looked at and leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.errors import SourceError, first_three
from kit.sources.files import FilesById
from kit.sources.record import Image, ImageFile, Record, Reject


def leave_out(records: Sequence[Record], path: Path) -> tuple[list[Record], list[Reject]]:
    """Take the images that `path` lists from `records`.

    Args:
        records: of files.
        path: text file with an id or a path on each line; empty lines and those that begin with # do not count.

    Raises:
        SourceError: the file cannot be read, or lists what is not there: a misspelt line would keep its image.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error
    listed = [line for line in lines if line and not line.startswith("#")]
    by_key = {record.key: record for record in records}
    finder = FilesById([record.file for record in records if isinstance(record.file, ImageFile)])
    gone: set[Image] = set()
    unknown = []
    for line in listed:
        if record := by_key.get(line):
            gone.add(record.file)
        elif file := finder.find(line):
            gone.add(file)
        else:
            unknown.append(line)
    if unknown:
        raise SourceError(f"{path} lists what names no image: {first_three(unknown, len(unknown))}; mend those lines")
    kept = [record for record in records if record.file not in gone]
    left = [record for record in records if record.file in gone]
    return kept, [Reject(str(record.file.path), f"left out by {path.name}", is_bad=False) for record in left]
