"""Safe unpacking of archives: no path outside the folder, no links, no zip bombs."""

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
_RATIO = 200  # unpacked to packed size: images shrink by a few per cent, tables to a tenth, bombs to a thousandth
_HARMLESS = 1e9  # bytes: anything smaller fills no disk, at any ratio
_SPARE = 100e6  # bytes to leave free
_ENCRYPTED = 0x1  # bit of a member's flags
_METHODS = {  # the two methods that unpack with little memory, and the names of the others
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
    """Limit on the unpacked bytes of an archive, including archives within it.

    Args:
        packed: Size of the archive in bytes.
    """

    def __init__(self, packed: int) -> None:
        self.packed, self.written = packed, 0

    def allows(self, more: int) -> bool:
        """Whether a number of further bytes is within the limit."""
        return self.written + more <= max(_HARMLESS, _RATIO * self.packed)

    def take(self, archive: Path, more: int) -> None:
        """Count bytes before they are written, regardless of the declared size.

        Raises:
            KaggleError: The limit is exceeded.
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
    """Unpack a zip file into a new folder.

    Args:
        archive: Zip file to unpack.
        folder: Folder to create.
        progress: Receiver of every megabyte.
        budget: Limit of the outer archive; a limit of its own by default.

    Returns:
        Size of each file in bytes, by name.

    Raises:
        KaggleError: The archive is damaged, or not safe to unpack; nothing was unpacked.
        WorkspaceError: The disk is too small.
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
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # an offset before the beginning of the file
            raise
        raise KaggleError(
            f"{archive} is damaged: {error}; remove it, or add {option('force', True)}, and fetch again"
        ) from error


def unwrap(path: Path) -> None:
    """Replace a single file sent zipped by Kaggle with its contents."""
    if path.suffix.lower() == ".zip" or not zipfile.is_zipfile(path):
        return
    names = []
    with contextlib.suppress(KaggleError), _named_if_damaged(path), zipfile.ZipFile(path) as opened:
        names = [member.filename for member in opened.infolist()]  # none if only its last bytes look like an archive's
    if names == [path.name]:
        apart = path.with_name(f".{path.name}.unpacking")
        remove_tree(apart)  # left by a killed call
        try:
            unpack(path, apart)
            settle(apart / path.name, path)
        finally:
            remove_tree(apart)


def refuse_unsafe(
    archive: Path, members: Sequence[zipfile.ZipInfo], folder: Path | None = None, budget: Budget | None = None
) -> None:
    """Check an archive's list of files before anything is written.

    Args:
        archive: Zip file.
        members: Files of the archive.
        folder: Folder to unpack to; the archive's own folder by default.
        budget: Limit of the outer archive; a limit of its own by default.

    Raises:
        KaggleError: A name leads out of the folder or is invalid, or there is a link, an encrypted file, a method other
            than stored and deflate, two files of one name, or a compression ratio that only a zip bomb has.
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
    """Refuse to begin without enough disk space.

    Raises:
        WorkspaceError: The disk is too small; the message names the needed and the free space.
    """
    free = free_bytes(folder)
    if needed + _SPARE > free:
        raise WorkspaceError(
            f"{folder} needs {size_text(needed)} and {size_text(_SPARE)} to spare, and {size_text(free)} are free; free"
            f" some space or choose another {worded('-o', 'output=')}"
        )


def free_bytes(folder: Path) -> int:
    """Return the free bytes on the disk of `folder`, which may not exist yet."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _why_unsafe(member: zipfile.ZipInfo) -> str:
    if why := why_unsafe(member.orig_filename):  # the name as stored: zipfile cuts it at a NUL
        return why
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is a link" if kind == stat.S_IFLNK else "is no plain file"
    if method := _METHODS.get(member.compress_type, f"method {member.compress_type}"):
        return f"is packed by {method}, and kit unpacks stored and deflated files only"
    return "is encrypted" if member.flag_bits & _ENCRYPTED else ""


def _written(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> Iterator[int]:
    """Write a member, and yield the size of each chunk before it is written; zipfile compares the checksum."""
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
