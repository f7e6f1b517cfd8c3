"""Copies on this machine of what lies in stores, by which everything else is reached as ordinary files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kit.files import write_whole
from kit.storage.address import Address, is_address
from kit.storage.store import Store, open_store

_MARK = ".store"  # file at the top of a copy that holds the address
_DEPTH = 8  # folders from the top of a copy to the folder of a run, and some more


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Folder or file of this machine with the name that it has in a store.

    Attributes:
        address: Address of the workspace.
        name: Name below the address, with slashes.
        path: Path on this machine.
    """

    address: Address
    name: str
    path: Path

    @property
    def store(self) -> Store:
        """The store, opened on first use; see `Store` for errors."""
        return open_store(self.address)

    @property
    def url(self) -> str:
        """Whole address."""
        return f"{self.address}/{self.name}"


def open_mirror(address: Address) -> Path:
    """Return the folder for copies of what lies at an address, below KIT_CACHE or the user's cache."""
    text = f"{address}\n"
    digest = hashlib.sha256(str(address).encode()).hexdigest()[:8]
    folder = cache_folder() / f"{address.scheme}-{address.bucket}-{digest}"
    if not (folder / _MARK).is_file() or (folder / _MARK).read_bytes() != text.encode():
        write_whole(folder / _MARK, text)
    return folder


def cache_folder() -> Path:
    """Return the folder for copies: KIT_CACHE, else kit/ in the user's cache."""
    if named := os.environ.get("KIT_CACHE"):
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "kit" / "stores"


def mirrored(path: Path) -> Mirrored | None:
    """Return where a path of a copy lies in its store; None for a path elsewhere."""
    return _mirrored(Path(os.path.abspath(path)))  # noqa: PTH100 (links stay)


def shown(path: Path) -> str:
    """Write a path for people: as it is, or as the address of which it is the copy."""
    at = mirrored(path)
    return at.url if at else str(path)


def name_below(folder: Path, name: str | Path) -> str | Path:
    """Return a name below a folder where its whole address is given, as messages have it; any other as it is."""
    at = mirrored(folder)
    whole = str(Address.parse(name)) if at and is_address(name) else ""
    return whole.removeprefix(f"{at.url}/") if at and whole.startswith(f"{at.url}/") else name


@cache
def _mirrored(path: Path) -> Mirrored | None:
    for top in (path, *path.parents[:_DEPTH]):
        mark = top / _MARK
        if mark.is_file():
            return Mirrored(Address.parse(mark.read_text().strip()), path.relative_to(top).as_posix(), path)
    return None
