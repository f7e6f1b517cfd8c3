""".fetched.json: what kit fetch put into a folder, so that it knows its own files from others."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kit.errors import SpecError, WorkspaceError
from kit.files import write_whole
from kit.kaggle.http_errors import Resource
from kit.kaggle.member_names import checked_relative
from kit.seals import read_sealed, seal

NOTE = ".fetched.json"
_ANEW = "add --force to fetch all of it anew"


class FetchManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was fetched into a folder.

    Attributes:
        source: Competition or dataset.
        is_whole: Whether all files were asked for, and are where they belong.
        files: Size of each file in bytes, by its name.
        remarks: Remarks on the files, a line each.
    """

    source: str
    is_whole: bool
    files: dict[str, int]
    remarks: tuple[str, ...] = ()


def read_fetched(folder: Path, about: Resource, *, force: bool) -> FetchManifest:
    """Read what was fetched into a folder before; nothing if nobody noted it.

    Args:
        folder: Folder of fetched files, perhaps one that somebody else gave.
        about: Competition or dataset to be fetched into it.
        force: Take a note that kit did not write for none.

    Raises:
        SpecError: The note is damaged, was changed, or names what is no file below the folder.
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
        raise WorkspaceError(f"{folder} holds files of '{note.source}'; choose another -o")
    return note


def write_fetched(folder: Path, note: FetchManifest) -> FetchManifest:
    """Write down what kit put into a folder, under a seal."""
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
