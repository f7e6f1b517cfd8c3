"""Manifest of fetched files, .fetched.json: tells files of kit fetch from others in a folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import msgspec

from kit.errors import SpecError, WorkspaceError, option, worded
from kit.files import write_whole
from kit.kaggle.http_errors import Resource
from kit.kaggle.member_names import checked_relative
from kit.progress import Progress
from kit.seals import KnownHashes, read_sealed, seal

NOTE = ".fetched.json"
_ANEW = f"add {option('force', True)} to fetch all of it anew"


class FetchManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Manifest of a fetched folder.

    Attributes:
        source: Competition or dataset.
        is_whole: Whether all files were requested, and are in place.
        files: Size of each file in bytes, by its name.
        hashes: XXH128 of each file by its name; missing for files fetched by earlier versions.
        remarks: Remarks on the files, one line each.
    """

    source: str
    is_whole: bool
    files: dict[str, int]
    hashes: dict[str, str] = {}
    remarks: tuple[str, ...] = ()


def read_fetched(folder: Path, about: Resource, *, force: bool) -> FetchManifest:
    """Read a folder's manifest; empty without one.

    Args:
        folder: Folder of fetched files, possibly from someone else.
        about: Competition or dataset to be fetched into it.
        force: Whether to ignore a manifest that kit did not write.

    Raises:
        SpecError: The manifest is damaged, was changed, or contains a name that is no file below the folder.
        WorkspaceError: The folder holds files of something else.
    """
    nothing = FetchManifest(source=about.name, is_whole=False, files={})
    try:
        note = _checked(folder / NOTE)
    except FileNotFoundError:
        return nothing
    except SpecError:
        if force:
            return nothing
        raise
    if note.source != about.name:
        raise WorkspaceError(f"{folder} holds files of '{note.source}'; choose another {worded('-o', 'output=')}")
    return note


class Contents:
    """Current state of fetched files in their folder.

    Their contents are read once: hashes are cached while size, inode and modification times are unchanged.

    Args:
        folder: Folder of the files.
        note: Manifest of the folder.
        progress: Receiver of every file read.
    """

    def __init__(self, folder: Path, note: FetchManifest, progress: Progress) -> None:
        self._folder, self._note, self._progress = folder, note, progress
        self._known = KnownHashes(folder)

    def changed(self, names: Collection[str]) -> list[str]:
        """List fetched files that are missing or changed."""
        there = [name for name in names if self._has_size(name)]
        new = [name for name in there if name in self._note.hashes and self._known.known(name) is None]
        if new:
            self._progress.start(f"checking {self._folder.name}", len(new))
        for name in new:
            self._known.hash(name)
            self._progress.advance()
        if new:
            self._known.keep()
            self._progress.finish()
        same = {name for name in there if self._is_same(name)}
        return [name for name in names if name not in same]

    def _has_size(self, name: str) -> bool:
        path = self._folder / name
        return path.is_file() and path.stat().st_size == self._note.files.get(name)

    def _is_same(self, name: str) -> bool:
        return name not in self._note.hashes or self._known.hash(name) == self._note.hashes[name]


def write_fetched(folder: Path, note: FetchManifest) -> FetchManifest:
    """Write a folder's manifest, with a seal."""
    write_whole(folder / NOTE, seal(note))
    return note


def _checked(path: Path) -> FetchManifest:
    try:
        note = read_sealed(path, FetchManifest, what="fetched folder")
    except SpecError as error:
        raise SpecError(f"{error}; {_ANEW}") from error
    for name in note.files:
        checked_relative(name, f"{path} names", f"kit did not write that; {_ANEW}")
    return note
