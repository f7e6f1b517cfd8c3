"""An archive is unpacked safely: nothing leaves its folder, no link comes in, no bomb fills disk or memory."""

from __future__ import annotations

import contextlib
import errno
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from kit.errors import KaggleError, WorkspaceError, first_three, option, worded
from kit.files import settle, size_text
from kit.kaggle.download import MEGA
from kit.kaggle.member_names import clashes, remove_tree, why_unsafe
from kit.progress import NO_PROGRESS, Progress

_CHUNK = 1 << 20  # 1 MiB
_RATIO = 200  # unpacked to packed: images shrink by a few per cent, tables to a tenth, bombs to a thousandth
_HARMLESS = 1e9  # bytes: what unpacks to less fills no disk, whatever its ratio
_SPARE = 100e6  # bytes that are left free
_ENCRYPTED = 0x1  # bit of a member's flags
_METHODS = {  # the two whose unpacking takes little memory, and the names of the others
    zipfile.ZIP_STORED: "",
    zipfile.ZIP_DEFLATED: "",
    9: "Deflate64",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "LZMA",
    93: "Zstandard",
    95: "XZ",
}
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError, ValueError, OverflowError)


class Budget:
    """Limit of the bytes that come out of an archive, those of archives within it included.

    Args:
        packed: Bytes of the archive.
    """

    def __init__(self, packed: int) -> None:
        self.packed, self.written = packed, 0

    def allows(self, more: int) -> bool:
        """Whether so many bytes may follow."""
        return self.written + more <= max(_HARMLESS, _RATIO * self.packed)

    def take(self, archive: Path, more: int) -> None:
        """Count bytes before they are written, whatever the archive declares.

        Raises:
            KaggleError: They are more than the limit.
        """
        if not self.allows(more):
            raise KaggleError(
                f"{archive} is not safe to unpack: {size_text(self.packed)} became {size_text(self.written)} and more;"
                " remove it; its owner should know"
            )
        self.written += more


def unpack(
    archive: Path, folder: Path, progress: Progress = NO_PROGRESS, *, budget: Budget | None = None
) -> dict[str, int]:
    """Unpack a zip file into a folder that holds nothing yet.

    Args:
        archive: Zip file to unpack.
        folder: Folder to create.
        progress: Listener that sees every megabyte.
        budget: Limit of the archive that held this one; one of its own otherwise.

    Returns:
        Bytes of each file by its name.

    Raises:
        KaggleError: the archive is damaged, or not safe to unpack; nothing of it was.
        WorkspaceError: the disk is too small.
    """
    budget = budget or Budget(archive.stat().st_size)
    with _named_if_damaged(archive), zipfile.ZipFile(archive) as opened:
        members = [member for member in opened.infolist() if not member.filename.endswith("/")]
        refuse_unsafe(archive, members, folder, budget)
        total = sum(member.file_size for member in members)
        refuse_full(folder, total)
        progress.start(f"unpacking {len(members):,} files (MB)", -(-total // MEGA))
        for member in members:
            for done in _written(opened, member, folder):
                budget.take(archive, done)
                progress.advance(budget.written // MEGA - (budget.written - done) // MEGA)
    progress.finish()
    return {PurePosixPath(member.filename).as_posix(): member.file_size for member in members}


@contextlib.contextmanager
def _named_if_damaged(archive: Path) -> Iterator[None]:
    try:
        yield
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # an offset before the file's beginning
            raise
        raise KaggleError(
            f"{archive} is damaged: {error}; remove it, or add {option('force', True)}, and fetch again"
        ) from error


def unwrap(path: Path) -> None:
    """Replace a single file that Kaggle sent zipped by what is in it."""
    if path.suffix.lower() == ".zip" or not zipfile.is_zipfile(path):
        return
    names = []
    with contextlib.suppress(KaggleError), _named_if_damaged(path), zipfile.ZipFile(path) as opened:
        names = [member.filename for member in opened.infolist()]  # none if its bytes only look like an archive's end
    if names == [path.name]:
        apart = path.with_name(f".{path.name}.unpacking")
        remove_tree(apart)  # of a call that was killed
        try:
            unpack(path, apart)
            settle(apart / path.name, path)
        finally:
            remove_tree(apart)


def refuse_unsafe(
    archive: Path, members: Sequence[zipfile.ZipInfo], folder: Path | None = None, budget: Budget | None = None
) -> None:
    """Look at an archive's list before anything is written.

    Args:
        archive: Zip file.
        members: Files of the archive.
        folder: Folder to unpack to; that of the archive otherwise.
        budget: Limit of the archive that held this one; one of its own otherwise.

    Raises:
        KaggleError: a name that leads out of the folder or can be no file's, a link, an encrypted file, another method
            than stored and deflate, two files of one name, or so much in so few bytes that it can only be a bomb.
    """
    bad = [f"{member.orig_filename!r} {why}" for member in members if (why := _why_unsafe(member))]
    bad = bad or list(clashes([member.filename for member in members], folder or archive.parent))
    total = sum(member.file_size for member in members)
    own = Budget(archive.stat().st_size)
    if over := next((limit for limit in (own, budget or own) if not limit.allows(total)), None):
        bad.append(f"{size_text(over.packed)} would become {size_text(over.written + total)}")
    if bad:
        raise KaggleError(
            f"{archive} is not safe to unpack: {first_three(bad, len(bad))}; nothing of it was unpacked;"
            f" remove it, or add {option('force', True)} to fetch it anew; its owner should know"
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
            f" some space or choose another {worded('-o', 'output=')}"
        )


def free_bytes(folder: Path) -> int:
    """Count what is free where `folder` is, or will be."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _why_unsafe(member: zipfile.ZipInfo) -> str:
    if why := why_unsafe(member.orig_filename):  # the name as it stands there: the module cuts it at a NUL
        return why
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is a link" if kind == stat.S_IFLNK else "is no plain file"
    if method := _METHODS.get(member.compress_type, f"method {member.compress_type}"):
        return f"is packed by {method}, and kit unpacks stored and deflated files only"
    return "is encrypted" if member.flag_bits & _ENCRYPTED else ""


def _written(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Iterator[int]:
    """Write a member, and yield the bytes of each piece before it is; the zip module compares the checksum."""
    path = folder / member.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    with opened.open(member) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            yield len(chunk)
            target.write(chunk)
            done += len(chunk)
    if done != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} has {done:,} bytes instead of {member.file_size:,}")
