"""Fetched files: downloaded, unpacked, and moved into place once all have arrived."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from kit.errors import KaggleError, WorkspaceError, first_three
from kit.files import size_text
from kit.kaggle.archives import Budget, free_bytes, refuse_full, unpack, unwrap
from kit.kaggle.download import download, size_of
from kit.kaggle.http_errors import Resource
from kit.kaggle.member_names import remove_tree
from kit.kaggle.remote_files import KaggleFiles
from kit.kaggle.responses import RemoteFile
from kit.progress import Progress

STAGE = ".unpacking"  # subfolder for files until all are unpacked
INNER = frozenset({".zip"})  # suffixes of inner archives to unpack too


def fetch_files(
    store: KaggleFiles, about: Resource, files: Sequence[str], listed: list[RemoteFile] | None, folder: Path
) -> Iterator[tuple[str, int]]:
    """Download single files.

    Yields:
        Name and size in bytes of each file, once it has arrived.
    """
    sizes = {file.name: file.bytes for file in listed or ()}
    total = sum(sizes.get(name, 0) for name in files)
    store.progress.advance(1, note=f"{len(files):,} files, {size_text(total)}; {size_text(free_bytes(folder))} free")
    refuse_full(folder, total)
    for name in files:
        path = folder / name
        download(store, about, name, path)
        unwrap(path)
        yield name, path.stat().st_size


@contextlib.contextmanager
def staged_files(
    store: KaggleFiles, about: Resource, listed: list[RemoteFile] | None, folder: Path
) -> Iterator[dict[str, int]]:
    """Download the archive of all files, and unpack it into a staging folder for `put_in_place`.

    Yields:
        Size of each file in bytes, by name.

    Raises:
        KaggleError: The archive is not safe, or lacks files of Kaggle's list.
    """
    archive = folder / f".{about.slug}.zip"
    if not archive.is_file():
        packed = size_of(store, about, None)
        total = max(packed, sum(file.bytes for file in listed or ()))
        count = f"{len(listed):,}" if listed is not None else "thousands of"
        free = size_text(free_bytes(folder))
        note = f"{count} files, {size_text(packed)} packed, about {size_text(total)} unpacked; {free} free"
        store.progress.advance(1, note=note)
        refuse_full(folder, packed + total)
        download(store, about, None, archive)
    stage = folder / STAGE
    try:
        yield _staged(archive, stage, listed, store.progress)
    finally:
        remove_tree(stage)
    archive.unlink()


def put_in_place(folder: Path) -> None:
    """Move staged files into place; other files there are kept."""
    todo = [(folder / STAGE, folder)]
    while todo:
        new, old = todo.pop()
        if new.is_dir() and _is_folder(old):
            todo += [(entry, old / entry.name) for entry in sorted(new.iterdir(), reverse=True)]
        else:
            _replace(new, old)


def _staged(archive: Path, stage: Path, listed: list[RemoteFile] | None, progress: Progress) -> dict[str, int]:
    """Unpack an archive and inner archives, and check that nothing is missing."""
    _clear(stage)
    budget = Budget(archive.stat().st_size)
    new = _unpack_inner(stage, unpack(archive, stage, progress, budget=budget), budget, progress)
    if listed is not None and (lost := _lost(listed, new)):
        named = first_three(lost, len(lost))
        raise KaggleError(f"{archive} lacks files that Kaggle lists: {named}; remove it, then fetch again")
    return new


def _unpack_inner(stage: Path, files: dict[str, int], budget: Budget, progress: Progress) -> dict[str, int]:
    """Unpack inner archives, each into a folder of its name unless it contains one; not archives within those."""
    found = dict(files)
    for name in [name for name in files if Path(name).suffix.lower() in INNER]:
        archive = stage / name
        target = archive.with_suffix("")
        if target.exists():
            continue
        apart = archive.with_name(f".{archive.name}")
        inner = unpack(archive, apart, progress, budget=budget)
        brings_one = {name.partition("/")[0] for name in inner} == {target.name} and (apart / target.name).is_dir()
        (apart / target.name if brings_one else apart).rename(target)
        remove_tree(apart)
        archive.unlink()
        del found[name]
        above = target.parent if brings_one else target
        found |= {(above / one).relative_to(stage).as_posix(): size for one, size in inner.items()}
    return found


def _lost(listed: Iterable[RemoteFile], new: Mapping[str, int]) -> list[str]:
    """List files of Kaggle's list that are missing, except unpacked and removed archives."""
    return [file.name for file in listed if file.name not in new and Path(file.name).suffix.lower() not in INNER]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _replace(new: Path, old: Path) -> None:
    if _is_folder(old):
        remove_tree(old)
    else:
        old.unlink(missing_ok=True)
    new.rename(old)


def _clear(stage: Path) -> None:
    """Remove leftovers of a killed call; a link is removed, but its target is kept."""
    if stage.is_symlink() or stage.is_file():
        stage.unlink()
    remove_tree(stage)
    if os.path.lexists(stage):
        raise WorkspaceError(f"{stage} cannot be removed; remove it, then fetch again")
