"""Atomic writing of files and folders, and file hashes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from xxhash import xxh3_128

from kit.errors import WorkspaceError, option
from kit.locks import locked

_CURRENT, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fs.h
_SEAL = 16  # bytes of the hash at a sealed file's end
_TOGETHER = "written-together"  # in names of temporary folders while several files are written
_CHUNK = 1 << 20  # 1 MiB: large enough that hashing takes longer than reading


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to, which is renamed to `path` on success only.

    The file's bytes are on the disk before it is renamed, so neither a crash nor a power cut leaves a part of it under
    the final name.
    """
    with begun_file(path) as temporary:
        yield temporary
        settle(temporary, path)


@contextlib.contextmanager
def begun_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write to, for `settle` to rename; it is removed on failure."""
    temporary = _temporary(path)
    try:
        with _named(temporary, path):
            yield temporary
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def _named(temporary: Path, path: Path) -> Iterator[None]:
    """Replace the temporary path in errors, and paths below it, by the final one."""
    try:
        yield
    except OSError as error:
        name = error.filename
        is_ours = name is None or Path(os.fsdecode(name)).is_relative_to(temporary)
        if not is_ours or error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path` to write to, which is renamed to `path` on success only.

    It replaces an existing folder. Only for a folder that is `locked`, as remains of killed processes are removed.
    """
    with _begun_folder(path) as temporary:
        yield temporary
        _all_to_disk(temporary)
        publish(temporary, path)


def write_together(
    folder: Path,
    files: Mapping[str, bytes | str],
    *,
    last: Mapping[str, bytes | str] | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Write several files into a folder: all of them, or none, with the folder unchanged.

    A new folder appears whole, in one step. In an existing folder, which may be the current one or hold the user's own
    files, files of other names stay; those of the same names are replaced once all are on the disk. A process that is
    stopped during these renames leaves old files beside new ones, and none of `last`.

    Args:
        folder: Folder of the files.
        files: Content by name; text is written as UTF-8.
        last: Content by name of files that prove the others: removed before the first is replaced, written after all.
        check: Function that raises if the folder must not be written to, called while the folder is locked.

    Returns:
        Paths of the files, without `last`.

    Raises:
        OSError: The disk is full, or not writable.
        BusyError: Another process of kit is writing them.
    """
    place = folder / _TOGETHER if folder.is_dir() else folder
    with locked(place), _begun_folder(place, folder) as temporary:
        check()
        whole = {**files, **(last or {})}
        for name, data in whole.items():
            _write_new(temporary / name, data)
        _all_to_disk(temporary)
        if folder.is_dir():
            for name in last or ():
                (folder / name).unlink(missing_ok=True)
            _to_disk(folder)
            for name in whole:
                (temporary / name).replace(folder / name)
            _to_disk(folder)
        else:
            publish(temporary, folder)
    return [folder / name for name in files]


@contextlib.contextmanager
def _begun_folder(path: Path, known: Path | None = None) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`, and remove it at the end, with remains of killed processes."""
    temporary = _temporary(path)
    _sweep(path.parent, path.name)
    try:
        with _named(temporary, known or path):
            temporary.mkdir(parents=True)
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def settle(temporary: Path, path: Path) -> None:
    """Flush a finished temporary file to the disk, and rename it."""
    _to_disk(temporary)
    temporary.replace(path)
    _to_disk(path.parent)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        _write_new(temporary, data)


def _write_new(path: Path, data: bytes | str) -> None:
    with path.open("xb") as file:  # never through an existing link
        file.write(data.encode() if isinstance(data, str) else data)


def sweep(folder: Path) -> None:
    """Remove temporary files of killed processes in `folder`; only for a folder with a single writer."""
    _sweep(folder, "*")


def flush(path: Path) -> None:
    """Flush a file to the disk, for another process to `settle`."""
    _to_disk(path)


def sweep_file(path: Path) -> None:
    """Remove temporary files of killed attempts at `path`; only for a file with a single writer."""
    _sweep(path.parent, path.name)


def publish(partial: Path, final: Path) -> None:
    """Rename a finished folder to its final name, in one step; an existing folder is removed afterwards."""
    if final.exists():
        exchange(partial, final)
        shutil.rmtree(partial)
    else:
        partial.rename(final)
        _to_disk(final.parent)


def exchange(one: Path, other: Path) -> None:
    """Swap the names of two files or folders in one step, so that both names always exist.

    On systems without Linux's renameat2, in three steps.
    """
    library = ctypes.CDLL(None, use_errno=True)
    rename = getattr(library, "renameat2", None)
    names = (os.fsencode(one), os.fsencode(other))
    if rename is None or rename(_CURRENT, names[0], _CURRENT, names[1], _EXCHANGE) != 0:
        spare = _temporary(one)
        one.rename(spare)
        other.rename(one)
        spare.rename(other)
    _to_disk(other.parent)


def refuse_overwrite(path: Path, *, force: bool) -> None:
    """Refuse an existing `path`, unless `force` is set."""
    if path.exists() and not force:
        raise WorkspaceError(f"{path} exists; choose another name or add {option('force', True)}")


def size_text(size: float) -> str:
    """Write a number of bytes with a decimal unit.

    >>> size_text(6_307_000_000)
    '6.31 GB'
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.2f} {unit}"
    return f"{size:,.0f} bytes"


def xxh128(data: bytes | str) -> str:
    """Hash bytes, or a text as UTF-8; the same as `xxh128_file` of a file of them."""
    return xxh3_128(data.encode() if isinstance(data, str) else data).hexdigest()


def xxh128_file(path: Path) -> str:
    """Hash a file's bytes, equal to `xxhsum -H2`; hexadecimal."""
    digest = xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _temporary(path: Path) -> Path:
    """Return an unpredictable name beside `path`, with its ending, by which Keras chooses formats."""
    return path.with_name(f".{secrets.token_hex(8)}.tmp.{path.name}")


def _sweep(folder: Path, name: str) -> None:
    for stray in folder.glob(f".*.tmp.{name}"):
        if stray.is_dir():
            shutil.rmtree(stray)
        else:
            stray.unlink()


def seal(path: Path) -> None:
    """Append a hash of all bytes to a file of a format that permits trailing bytes, such as HDF5; see `is_sealed`."""
    digest = bytes.fromhex(xxh128_file(path))
    with path.open("ab") as file:
        file.write(digest)


def is_sealed(path: Path) -> bool:
    """Return whether a file is unchanged since `seal`, to the last bit."""
    digest, size = xxh3_128(), path.stat().st_size - _SEAL
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(_CHUNK, size))):
            digest.update(chunk)
            size -= len(chunk)
        return size == 0 and file.read() == digest.digest()


def _all_to_disk(folder: Path) -> None:
    for path in folder.rglob("*"):
        _to_disk(path)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
