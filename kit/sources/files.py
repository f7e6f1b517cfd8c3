"""Image files below a folder, and how an id finds its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from kit.errors import SourceError, first_three
from kit.sources.record import ImageFile

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def image_files(folder: Path) -> list[ImageFile]:
    """List the images below `folder` by their endings, sorted by name; hidden files are not looked at.

    Raises:
        SourceError: the folder is missing, cannot be listed, or holds no image.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
    files = sorted(_walk(folder, ""), key=lambda file: file.name)
    if not files:
        raise SourceError(f"{folder} holds no image; looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    return files


def _walk(folder: Path, prefix: str) -> Iterator[ImageFile]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"cannot list {folder}: {error.strerror}") from error
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{name}/")
        elif os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and entry.is_file():  # noqa: PTH122 (a third of the time)
            stat = entry.stat()
            yield ImageFile(path=Path(entry.path), name=_utf8(name), size=stat.st_size, modified=stat.st_mtime_ns)


def _utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"file name {name!r} is not UTF-8; rename the file") from error
    return name


class FilesById:
    """Finds the file of an id, written with or without its ending."""

    def __init__(self, files: Sequence[ImageFile]) -> None:
        self._by_name = {file.name: file for file in files}
        self._by_stem: dict[str, list[ImageFile]] = {}
        for file in files:
            self._by_stem.setdefault(file.stem, []).append(file)

    def find(self, identifier: str) -> ImageFile | None:
        """Return the file named `identifier`, or None.

        Raises:
            SourceError: several files differ from the id in their endings only.
        """
        if file := self._by_name.get(identifier):
            return file
        candidates = self._by_stem.get(identifier, [])
        if len(candidates) > 1:
            names = first_three((file.name for file in candidates), len(candidates))
            raise SourceError(f"id '{identifier}' fits several files: {names}; write ids with their endings")
        return candidates[0] if candidates else None
