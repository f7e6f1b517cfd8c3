"""Image files below a folder, and the lookup of a file by id."""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kit.errors import SourceError, first_three
from kit.sources.record import ImageFile, Reject
from kit.storage import is_address

IMAGE_SUFFIXES = frozenset({".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_LITTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})  # written by operating systems, like hidden files
_MARKS = {  # files that only kit writes, by the folder's name
    "tfrecords": ("*/manifest.json", ".*.partial"),
    "runs": ("*/spec.json", "*/ablation.json", "*/folds.json", "*/*/spec.json", "*/*/*/spec.json"),
    "submissions": ("*.origin.json", "ledger.csv"),
    "kit-demo": ("tfrecords/digits/manifest.json", "digits/train_labels.csv"),
}
_REPORTS = (
    ("audit.csv", "findings.csv"),
    ("evaluation.json", "confusion_matrix.csv"),
    ("comparison.csv", "comparison.md"),
)


@dataclass(slots=True)
class Listing:
    """Contents of a folder and its subfolders.

    Attributes:
        images: Files with an image's ending, sorted by name.
        others: Everything else, with the reason why it is skipped.
    """

    images: list[ImageFile] = field(default_factory=list)
    others: list[Reject] = field(default_factory=list)


def list_images(folder: Path, excluded: Collection[str] = ()) -> Listing:
    """List the files below `folder`, following links; hidden files and folders are skipped and listed as such.

    Args:
        folder: Folder to list.
        excluded: Folders to skip, as paths relative to `folder`.

    Raises:
        SourceError: The folder is missing, cannot be listed, or holds no image, or a name is not UTF-8.
    """
    if not folder.exists() and is_address(folder):
        raise SourceError(
            f"{str(folder).replace(':/', '://', 1)} is no folder of this machine, and kit reads images from folders;"
            " download it, or mount it"
        )
    if not folder.is_dir():
        raise SourceError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise SourceError(f"cannot list {folder}: Permission denied; change its permissions")
    found = Listing()
    _utf8(str(folder))
    for entry in _walk(folder, frozenset(excluded)):
        if isinstance(entry, ImageFile):
            found.images.append(entry)
        else:
            found.others.append(entry)
    if not found.images:
        raise SourceError(f"{folder} holds no image; looked for {', '.join(sorted(IMAGE_SUFFIXES))}")
    found.images.sort(key=lambda file: file.name)
    found.others.sort(key=lambda reject: reject.name)
    return found


class _Folder(NamedTuple):
    """A folder to list: its path below the top, empty or ending with '/', and the stats of it and its parents."""

    prefix: str
    line: tuple[os.stat_result, ...]


def _walk(top: Path, excluded: frozenset[str]) -> Iterator[ImageFile | Reject]:
    """Yield everything below `top`; without recursion, so that folders may be nested to any depth."""
    waiting = [_Folder("", (top.stat(),))]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(top / folder.prefix))
        except OSError as error:
            yield _reject(str(top / folder.prefix), f"the folder cannot be listed: {error.strerror}")
            continue
        for entry in entries:
            found = _look_at(entry, top, folder, excluded)
            if isinstance(found, _Folder):
                waiting.append(found)
            else:
                yield found


def _look_at(
    entry: os.DirEntry[str], top: Path, folder: _Folder, excluded: frozenset[str]
) -> ImageFile | Reject | _Folder:
    is_image = entry.name[entry.name.rfind(".") :].lower() in IMAGE_SUFFIXES
    try:
        if entry.name[0] == "." or entry.name in _LITTER:
            return _reject(entry.path, "hidden, or left behind by a system: not looked at", is_bad=False)
        if is_image and entry.is_file():
            stat = entry.stat()
            name = _utf8(folder.prefix + entry.name)
            return ImageFile(folder=top, name=name, size=stat.st_size, modified=stat.st_mtime_ns)
        if entry.is_dir():
            return _look_into(entry, folder, excluded)
        return _reject(entry.path, _why_no_image(entry), is_bad=is_image)
    except OSError as error:  # such as a link to itself
        is_bad = is_image or entry.is_dir(follow_symlinks=False)  # a folder whose path is too long
        return _reject(entry.path, f"cannot be followed: {error.strerror}", is_bad=is_bad)


def _look_into(entry: os.DirEntry[str], above: _Folder, excluded: frozenset[str]) -> Reject | _Folder:
    """Decide whether to list a folder; a link must not lead back to a parent."""
    name, inside = above.prefix + entry.name, entry.stat()
    if name in excluded:
        return _reject(entry.path, "the folder is left out by hand", is_bad=False)
    if is_written_by_kit(Path(entry.path)):
        return _reject(entry.path, "written by kit: not looked at", is_bad=False)
    if any(os.path.samestat(inside, outer) for outer in above.line):
        return _reject(entry.path, "a symbolic link that leads back to a folder above it")
    return _Folder(f"{name}/", (*above.line, inside))


def _reject(path: str, reason: str, *, is_bad: bool = True) -> Reject:
    r"""Make a reject; bytes of a name that are not UTF-8 are shown as \xff."""
    return Reject(os.fsencode(path).decode(errors="backslashreplace"), reason, is_bad=is_bad)


def is_written_by_kit(folder: Path) -> bool:
    """Return whether a folder holds datasets, runs, submissions, reports or the demonstration, by the files in it.

    The name alone does not decide: a class may be called runs.
    """
    has_marks = any(any(folder.glob(mark)) for mark in _MARKS.get(folder.name, ()))
    is_file = os.path.isfile
    return has_marks or any(all(is_file(f"{folder}/{name}") for name in names) for names in _REPORTS)


def _why_no_image(entry: os.DirEntry[str]) -> str:
    if entry.is_file():
        ending = PurePosixPath(entry.name).suffix
        return f"no image by its ending ({ending})" if ending else "no image: the name has no ending"
    return "a symbolic link that leads nowhere" if entry.is_symlink() else "neither a file nor a folder"


def _utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceError(f"file name {name!r} is not UTF-8; rename the file") from error
    return name


class FilesById:
    """Finds the file of an id: a path or its last parts, with or without the file's ending.

    An index is made when an id first needs it: of millions of files each takes gigabytes.
    """

    def __init__(self, files: Sequence[ImageFile]) -> None:
        self._by_name = {file.name: file for file in files}
        self._files = files

    @property
    def first(self) -> str:
        """Name of the first file, for messages; empty without files."""
        return self._files[0].name if self._files else ""

    def find(self, identifier: str) -> ImageFile | None:
        """Return the file that `identifier` names, or None.

        Raises:
            SourceError: Several files fit.
        """
        if file := self._by_name.get(identifier):
            return file
        candidates = self._by_stem.find(identifier) or self._find_by_end(identifier)
        if len(candidates) > 1:
            names = first_three((file.name for file in candidates), len(candidates))
            raise SourceError(f"id '{identifier}' fits several files: {names}; write ids as paths with their endings")
        return candidates[0] if candidates else None

    def find_any(self, identifiers: Sequence[str]) -> bool:
        """Return whether one of a few identifiers names a file; most name none, and need no index to tell.

        Raises:
            SourceError: Several files fit the first that names one.
        """
        wanted = {end for identifier in identifiers for end in (_base(identifier), *_parts(identifier)[-1:])}
        few = FilesById([file for file in self._files if not wanted.isdisjoint(_ends(file))])
        return any(few.find(identifier) for identifier in identifiers)

    @functools.cached_property
    def _by_stem(self) -> _Index:
        return _Index((file.stem, file) for file in self._files)

    @functools.cached_property
    def _by_end(self) -> _Index:
        return _Index((end, file) for file in self._files for end in _ends(file))

    def _find_by_end(self, identifier: str) -> list[ImageFile]:
        """Compare the last parts of paths: ids may be relative to a parent folder, or the file's name alone."""
        wanted = _parts(identifier)
        if not wanted or ".." in wanted:
            return []
        return [file for file in self._by_end.find(wanted[-1]) if _ends_meet(file, wanted)]


class _Index:
    """Files by a text that several may have; a list for each of millions would take more memory than the files."""

    def __init__(self, pairs: Iterable[tuple[str, ImageFile]]) -> None:
        self._first: dict[str, ImageFile] = {}
        self._others: dict[str, list[ImageFile]] = {}
        for text, file in pairs:
            if text in self._first:
                self._others.setdefault(text, []).append(file)
            else:
                self._first[text] = file

    def find(self, text: str) -> list[ImageFile]:
        """Return the files of a text, in the order that they were given."""
        return [self._first[text], *self._others.get(text, ())] if text in self._first else []


def _parts(identifier: str) -> tuple[str, ...]:
    return PurePosixPath(identifier.replace("\\", "/")).parts


def _ends(file: ImageFile) -> Iterable[str]:
    """Return the last part of a file's name, with and without its ending."""
    return dict.fromkeys((_base(file.name), _base(file.stem)))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _ends_meet(file: ImageFile, wanted: tuple[str, ...]) -> bool:
    """Return whether one path is the end of the other, with or without the file's ending."""
    for name in (file.name, file.stem):
        parts = tuple(name.split("/"))
        shorter = min(len(parts), len(wanted))
        if parts[-shorter:] == wanted[-shorter:]:
            return True
    return False
