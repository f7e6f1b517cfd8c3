""".fetched.json: what kit fetch put into a folder, so that it knows its own files from others."""

from __future__ import annotations

from pathlib import Path

import msgspec
from xxhash import xxh3_128_hexdigest

from kit.errors import SpecError, WorkspaceError
from kit.files import write_whole
from kit.kaggle.members import checked_relative
from kit.kaggle.refusals import Resource
from kit.specs import from_json, to_json

NOTE = ".fetched.json"
_ANEW = "add --force to fetch all of it anew"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What was fetched into a folder.

    Attributes:
        source: competition or dataset.
        is_whole: whether all files were asked for, and are in their places.
        files: bytes of each by its name.
        remarks: what is to be known about them, a line each.
        seal: Hash of all the rest; empty in notes of older versions.
    """

    source: str
    is_whole: bool
    files: dict[str, int]
    remarks: tuple[str, ...] = ()
    seal: str = ""


def read_note(folder: Path, about: Resource, *, force: bool) -> Note:
    """Read what was fetched into a folder before; nothing if nobody noted it.

    Args:
        folder: Folder of fetched files, perhaps one that somebody else gave.
        about: Competition or dataset to be fetched into it.
        force: Take a note that kit did not write for none.

    Raises:
        SpecError: The note is damaged, was changed, or names what is no file below the folder.
        WorkspaceError: The folder holds files of something else.
    """
    nothing = Note(source=about.name, is_whole=False, files={})
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


def write_note(folder: Path, note: Note) -> Note:
    """Write down what kit put into a folder, under a seal."""
    sealed = msgspec.structs.replace(note, seal=_seal(note))
    write_whole(folder / NOTE, to_json(sealed))
    return sealed


def _checked(path: Path) -> Note:
    try:
        note = from_json(path, Note)
    except (SpecError, RecursionError) as error:
        raise SpecError(f"{error}; {_ANEW}") from error
    for name in note.files:
        checked_relative(name, f"{path} names", f"kit did not write that; {_ANEW}")
    if note.seal not in {"", _seal(note)}:
        raise SpecError(f"{path} was changed since kit wrote it; {_ANEW}")
    return note


def _seal(note: Note) -> str:
    return xxh3_128_hexdigest(msgspec.json.encode(msgspec.structs.replace(note, seal="")))
