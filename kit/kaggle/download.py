"""Resumable downloads, in chunks; a later call resumes an interrupted one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests

from kit.errors import NetworkError, SpecError
from kit.files import settle, size_text, write_whole
from kit.kaggle.http_errors import Resource
from kit.kaggle.remote_files import KaggleFiles
from kit.kaggle.transport import network_error
from kit.seals import read_sealed, seal

_CHUNK = 1 << 16  # 64 KiB: the largest loss when a connection is cut
MEGA = 1_000_000  # bytes per step of progress


class _Part(msgspec.Struct, frozen=True):
    """Source of a partial file, so that bytes of another version are never appended."""

    tag: str
    bytes: int


def download(store: KaggleFiles, about: Resource, name: str | None, path: Path) -> None:
    """Download a file, or the archive of all files, to `path`.

    A partial download is a hidden file next to `path`, ending in .part; it is resumed if Kaggle still has the same
    file.

    Args:
        store: Connection to download from.
        about: Competition or dataset of the file.
        name: Name of the file; None for the archive of all.
        path: File to write.

    Raises:
        KaggleError: Kaggle refuses.
        NetworkError: The connection was cut more often than `retries` allow; the next call resumes.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    store.retried(lambda: _attempt(store, about, name, part), gained=lambda: _size(part))
    store.progress.finish()
    settle(part, path)
    _note(part).unlink(missing_ok=True)


def size_of(store: KaggleFiles, about: Resource, name: str | None) -> int:
    """Request the size of a download in bytes; 0 if Kaggle does not tell."""

    def ask() -> int:
        with store.opened(about, name) as response:
            return _length(response)

    return store.retried(ask)


def _attempt(store: KaggleFiles, about: Resource, name: str | None, part: Path) -> None:
    begun = _begun(part)
    begin = _size(part) if begun else 0
    if begun and begin == begun.bytes:
        return
    with store.opened(about, name, begin, begun.tag if begun else "") as response:
        is_rest = response.status_code == requests.codes.partial_content
        if is_rest and not (begun and _goes_on(response, begun, begin)):
            part.unlink()
            raise NetworkError(f"downloading {name or about.name}: another version came; run the same command again")
        begin = begin if is_rest else 0
        total = begin + _length(response)
        if not is_rest:
            part.unlink(missing_ok=True)
            write_whole(_note(part), seal(_Part(_tag(response), total)))
        store.progress.start(f"downloading {size_text(total)} (MB)", -(-total // MEGA))
        store.progress.advance(begin // MEGA)
        with part.open("ab") as file:
            for chunk in _chunks(store, response, name or about.name):
                steps = (begin + len(chunk)) // MEGA - begin // MEGA
                begin += len(chunk)
                file.write(chunk)
                store.progress.advance(steps)
    if total and begin != total:
        came = f"{size_text(begin)} of {size_text(total)} came"
        raise NetworkError(f"downloading {name or about.name}: {came}; run the same command again")


def _goes_on(response: Any, begun: _Part, begin: int) -> bool:
    """Whether an answer really is the rest of a partial file; not every server honours If-Range."""
    said = response.headers.get("Content-Range", "")
    is_here = not said or said == f"bytes {begin}-{begun.bytes - 1}/{begun.bytes}"
    return is_here and _tag(response) in {"", begun.tag} and begin + _length(response) == begun.bytes


def _tag(response: Any) -> str:
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""


def _length(response: Any) -> int:
    return int(response.headers.get("Content-Length", 0))


def _chunks(store: KaggleFiles, response: Any, what: str) -> Iterator[bytes]:
    try:
        yield from response.iter_content(_CHUNK)
    except requests.RequestException as error:
        cut = network_error(error, f"downloading {what}", store.retries)
    else:
        return
    raise cut from None


def _begun(part: Path) -> _Part | None:
    """Read the source of a partial file; a part without a tag could belong to any version."""
    if part.is_symlink():  # the target of a link is not kit's
        return None
    try:
        begun = read_sealed(_note(part), _Part)
    except (FileNotFoundError, SpecError):
        return None
    return begun if begun.tag and _size(part) <= begun.bytes else None


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
