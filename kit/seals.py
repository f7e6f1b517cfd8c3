"""Seals in JSON files, and hashes of the files beside them, by which later changes are detected.

A seal is the XXH128 of a JSON document, over all of its fields except the seal itself. A document may hold the hashes
of other files, so that one seal covers a folder. It detects accidental changes and mix-ups; it is no signature: anyone
can compute it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from xxhash import xxh3_128_hexdigest

from kit.errors import SpecError, require
from kit.files import write_whole, xxh128_file
from kit.specs import to_json
from kit.specs.serialization import build

Document = TypeVar("Document", bound=msgspec.Struct)

SEAL = "seal"

_RACY = 2_000_000_000  # nanoseconds: a change within the clock's granularity is not visible, as in git's racy entries
_CACHE = ".hashes.json"

_logger = logging.getLogger(__name__)
_warned: set[str] = set()


def seal(document: msgspec.Struct | Mapping[str, object]) -> bytes:
    """Encode a document as JSON, with a seal over all its fields.

    Args:
        document: Struct or table to encode; a field `seal` is replaced.
    """
    fields = msgspec.json.decode(msgspec.json.encode(document))
    return to_json({**fields, SEAL: _hash(fields)})


def read_sealed(
    path: Path,
    kind: type[Document],
    *,
    what: str = "",
    upgrade: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> Document:
    """Read a document written by `seal`; one of an earlier version without a seal is read with a warning.

    Args:
        path: JSON file.
        kind: Struct to make of it.
        what: Noun for the warning, such as "dataset", which is given once for each noun. Empty refuses a document
            without a seal, for files that kit can make again.
        upgrade: Function that brings the fields of an earlier version into the form of this one.

    Raises:
        SpecError: The file is not JSON, was changed after writing, or lacks fields.
        FileNotFoundError: There is no such file.
    """
    try:
        fields = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise SpecError(f"{path}: not a table of fields")
    if SEAL not in fields:
        require(bool(what), f"{path} has no seal")
        warn_unsealed(path, what)
    elif fields[SEAL] != _hash(fields):
        raise SpecError(f"{path} was changed after kit wrote it: its seal does not match")
    return build(upgrade(fields) if upgrade else fields, kind, where=f"{path}: ")


def warn_unsealed(path: Path, what: str) -> None:
    """Warn once a process that a file was written by a version without seals."""
    if what not in _warned:
        _warned.add(what)
        _logger.warning(
            "%s has no seal: this %s was written by an earlier version of kit, and changes to it are not detected",
            path,
            what,
        )


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Hash files of a folder, for `check_hash`."""
    return {name: xxh128_file(folder / name) for name in names}


def check_hash(path: Path, expected: str) -> None:
    """Compare a file with its hash.

    Raises:
        SpecError: The file is missing or was changed.
    """
    if not path.is_file():
        raise SpecError(f"{path} is missing")
    if xxh128_file(path) != expected:
        raise SpecError(f"{path} was changed after kit wrote it")


class _Seen(msgspec.Struct, frozen=True, array_like=True):
    """Hash of a file, with its stat at that time."""

    stat: tuple[int, int, int, int]
    hash: str


class _Cache(msgspec.Struct, frozen=True):
    """Files by name."""

    files: dict[str, _Seen]


class KnownHashes:
    """Hashes of a folder's files, cached until size, inode or modification times change.

    The cache is stored beside the files, or in the user's cache if the folder is not writable.

    Args:
        folder: Folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = _cache_file(folder)
        self._seen = _read_cache(self._path)
        self._before = dict(self._seen)

    def known(self, name: str) -> str | None:
        """Return a file's cached hash, or None.

        Raises:
            OSError: There is no such file.
        """
        seen = self._seen.get(name)
        return seen.hash if seen is not None and seen.stat == _stat(self._folder / name) else None

    def hash(self, name: str) -> str:
        """Return a file's hash, cached or computed.

        Raises:
            OSError: The file cannot be read.
        """
        if known := self.known(name):
            return known
        path = self._folder / name
        before = _stat(path)
        found = xxh128_file(path)
        if time.time_ns() - before[-1] > _RACY:
            self._seen[name] = _Seen(before, found)
        else:
            self._seen.pop(name, None)
        return found

    def keep(self) -> None:
        """Write the cache; if that is impossible, the next call hashes again."""
        if self._seen != self._before:
            with contextlib.suppress(OSError):
                write_whole(self._path, seal(_Cache(self._seen)))
                self._before = dict(self._seen)


def _stat(path: Path) -> tuple[int, int, int, int]:
    """Return size, inode, mtime and ctime of a file; times in nanoseconds."""
    stat = path.stat()
    return stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


def _hash(fields: Mapping[str, Any]) -> str:
    content = {name: value for name, value in fields.items() if name != SEAL}
    return xxh3_128_hexdigest(msgspec.json.encode(content, order="sorted"))


def _cache_file(folder: Path) -> Path:
    if os.access(folder, os.W_OK):
        return folder / _CACHE
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return user / "kit" / f"{xxh3_128_hexdigest(os.fsencode(folder.resolve()))}.json"


def _read_cache(path: Path) -> dict[str, _Seen]:
    try:
        return read_sealed(path, _Cache).files
    except (OSError, SpecError):  # missing or damaged: all files are hashed again
        return {}
