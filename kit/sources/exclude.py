"""Images that a text file excludes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.errors import SourceError, first_three
from kit.sources.image_files import FilesById
from kit.sources.record import Image, ImageFile, Record, Reject
from kit.specs.source import SourceSpec


def excluded_folders(asked: SourceSpec) -> set[str]:
    """Return the folders in the exclude file, as paths relative to the source.

    Raises:
        SourceError: The file cannot be read.
    """
    names = [line.strip("/") for line in _lines(Path(asked.exclude))] if asked.exclude else []
    return {name for name in names if (Path(asked.folder) / name).is_dir()}


def leave_out(records: Sequence[Record], asked: SourceSpec) -> tuple[list[Record], list[Reject]]:
    """Split off the records that the exclude file lists.

    Args:
        records: Records of files.
        asked: Source with the name of the text file, which has an id, a path or a folder on each line; empty lines and
            comments (#) are ignored.

    Raises:
        SourceError: The file cannot be read, or a line names no image: a misspelt line would keep its image.
    """
    path = Path(asked.exclude or "")
    folders = excluded_folders(asked)
    listed = [line for line in _lines(path) if line.strip("/") not in folders]
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
        raise SourceError(f"{path} has lines that name no image: {first_three(unknown, len(unknown))}; correct them")
    kept = [record for record in records if record.file not in gone]
    left = [record for record in records if record.file in gone]
    return kept, [Reject(str(record.file.path), f"left out by {path.name}", is_bad=False) for record in left]


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}") from error
    return [line for line in lines if line and not line.startswith("#")]
