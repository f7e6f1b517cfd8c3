"""An archive is unpacked safely: nothing leaves its folder, no link comes in, no bomb fills the disk."""

from __future__ import annotations

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from kit.errors import KaggleError, WorkspaceError, first_three
from kit.files import settle, size_text
from kit.kaggle.download import MEGA
from kit.progress import NO_PROGRESS, Progress

_CHUNK = 1 << 20  # 1 MiB
_RATIO = 200  # unpacked to packed: images shrink by a few per cent, tables to a tenth, bombs to a thousandth
_HARMLESS = 1e9  # bytes: what unpacks to less fills no disk, whatever its ratio
_SPARE = 100e6  # bytes that are left free
_ENCRYPTED = 0x1  # bit of a member's flags
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, ValueError)


def unpack(
    archive: Path, folder: Path, progress: Progress = NO_PROGRESS, *, outer: int = 0, before: int = 0
) -> dict[str, int]:
    """Unpack a zip file into a folder that holds nothing yet.

    Args:
        archive: zip file.
        folder: to make.
        progress: sees every megabyte.
        outer: bytes of the archive that held this one; 0 for none.
        before: bytes that came out of that one already.

    Returns:
        Bytes of each file by its name.

    Raises:
        KaggleError: the archive is damaged, or not safe to unpack; nothing of it was.
        WorkspaceError: the disk is too small.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            refuse_unsafe(archive, members, outer=outer, before=before)
            total = sum(member.file_size for member in members)
            refuse_full(folder, total)
            progress.start(f"unpacking {len(members):,} files (MB)", -(-total // MEGA))
            for member in members:
                _write(opened, member, folder, progress)
    except _DAMAGED as error:
        raise KaggleError(f"{archive} is damaged: {error}; remove it, or add --force, and fetch again") from error
    progress.finish()
    return {member.filename: member.file_size for member in members}


def unwrap(path: Path) -> None:
    """Replace a single file that Kaggle sent zipped by what is in it."""
    if path.suffix.lower() == ".zip" or not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as opened:
            names = [member.filename for member in opened.infolist()]
    except zipfile.BadZipFile:  # something else whose bytes look like the end of an archive
        return
    if names == [path.name]:
        apart = path.with_name(f".{path.name}.unpacking")
        shutil.rmtree(apart, ignore_errors=True)  # of a call that was killed
        try:
            unpack(path, apart)
            settle(apart / path.name, path)
        finally:
            shutil.rmtree(apart, ignore_errors=True)


def refuse_unsafe(archive: Path, members: Sequence[zipfile.ZipInfo], *, outer: int = 0, before: int = 0) -> None:
    """Look at an archive's list before anything is written.

    Raises:
        KaggleError: a name that leads out of the folder, a link, an encrypted file, two files of one name, or so much
            in so few bytes that it can only be a bomb.
    """
    bad = [f"{member.filename!r} {why}" for member in members if (why := _why_unsafe(member))]
    names = [PurePosixPath(member.filename) for member in members]
    files = set(names)
    if len(files) < len(names):
        bad.append("two files have the same name")
    bad += [f"{str(name)!r} lies below a file" for name in names if not files.isdisjoint(name.parents)]
    total, packed = sum(member.file_size for member in members), archive.stat().st_size
    for size, source in ((total, packed), (before + total, outer or packed)):
        if size > max(_HARMLESS, _RATIO * source):
            bad.append(f"{size_text(source)} would become {size_text(size)}")
            break
    if bad:
        raise KaggleError(
            f"{archive} is not safe to unpack: {first_three(bad, len(bad))}; nothing of it was unpacked;"
            " remove it, or add --force to fetch it anew; its owner should know"
        )


def refuse_full(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        WorkspaceError: with what is needed and what is free.
    """
    free = free_bytes(folder)
    if needed + _SPARE > free:
        raise WorkspaceError(
            f"{folder} needs {size_text(needed)} and {size_text(_SPARE)} to spare, and {size_text(free)} are free; free"
            " some space or choose another -o"
        )


def free_bytes(folder: Path) -> int:
    """Count what is free where `folder` is, or will be."""
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(existing).free


def _why_unsafe(member: zipfile.ZipInfo) -> str:
    name, windows = member.filename, PureWindowsPath(member.filename)
    if not name or name.startswith("/") or windows.drive or windows.root or ".." in windows.parts:
        return "leads out of the folder"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is a link" if kind == stat.S_IFLNK else "is no plain file"
    return "is encrypted" if member.flag_bits & _ENCRYPTED else ""


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, progress: Progress) -> None:
    """Write a member; the zip module compares its checksum."""
    path = folder / member.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with opened.open(member) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            done += len(chunk)
            progress.advance(done // MEGA - (done - len(chunk)) // MEGA)
    if done != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} has {done:,} bytes instead of {member.file_size:,}")
