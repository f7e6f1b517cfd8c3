"""Notes: small files in a store that several machines write in turn."""

from __future__ import annotations

from pathlib import Path

from kit.errors import StoreConflictError
from kit.files import write_whole
from kit.storage.mirror import mirrored
from kit.storage.store import Tag


def fetch_note(file: Path) -> Tag | None:
    """Fetch a small file that several machines write in turn.

    Returns:
        Tag for `keep_note`; None if the store has no such file, or there is no store.
    """
    at = mirrored(file)
    found = at.store.read(at.name) if at else None
    if found is None:
        return None
    if not file.is_file() or file.read_bytes() != found[0]:
        write_whole(file, found[0])
    return found[1]


def keep_note(file: Path, tag: Tag | None) -> bool:
    """Upload a small file, unless another machine has since it was fetched; nothing without a store.

    Args:
        file: File in a copy.
        tag: Tag that `fetch_note` gave.

    Returns:
        Whether it is uploaded, or there is no store.
    """
    if at := mirrored(file):
        try:
            if tag is None:
                at.store.create(at.name, file.read_bytes())
            else:
                at.store.replace(at.name, file.read_bytes(), tag)
        except StoreConflictError:
            return False
    return True
