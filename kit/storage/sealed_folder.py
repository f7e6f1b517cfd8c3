"""Folders of a store that appear, and are replaced, whole or not at all.

One file, the head, proves the others: it is written last, and its hash is the folder in which they lie. So an upload
that is cut off leaves a folder that nobody reads, two uploads never mix, and what is replaced stays whole until the new
head is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kit.errors import StoreConflictError, StoreError
from kit.files import write_whole, xxh128, xxh128_file
from kit.progress import NO_PROGRESS, Progress
from kit.storage.mirror import Mirrored, mirrored
from kit.storage.store import Store, Tag

_AT_ONCE = 4  # files of an upload or a download: enough for a fast network, few enough for a slow one
_VERSION = 16  # hexadecimal digits of a head's hash


@dataclass(frozen=True, slots=True)
class FolderHead:
    """Head of a folder as it lies in the store.

    Attributes:
        data: Bytes of the file.
        tag: Tag of its object, for `Store.replace`; empty for the copy on this machine.
    """

    data: bytes
    tag: Tag

    @property
    def version(self) -> str:
        """Name of the folder of its files."""
        return xxh128(self.data)[:_VERSION]


@dataclass(frozen=True, slots=True)
class SealedFolder:
    """Folder in a store and its copy on this machine.

    Attributes:
        at: The folder, here and in the store.
        head: Name of the file that proves the others.
    """

    at: Mirrored
    head: str

    def read_head(self) -> FolderHead | None:
        """Read the head in the store; None if there is no such folder, or its upload is not finished."""
        found = self._store.read(self._name(self.head))
        return None if found is None else FolderHead(*found)

    def copied_head(self) -> FolderHead | None:
        """Read the head of the copy; None without one."""
        try:
            return FolderHead((self.at.path / self.head).read_bytes(), Tag())
        except FileNotFoundError:
            return None

    def upload(
        self,
        names: Iterable[str],
        *,
        before: FolderHead | None = None,
        progress: Progress = NO_PROGRESS,
    ) -> None:
        """Upload files of the copy, then the head; files that a stopped upload of them left are not sent again.

        Args:
            names: Names of the files, without the head.
            before: Head to replace; None if the folder must be new.
            progress: Receiver of every file.

        Raises:
            StoreConflictError: Another machine wrote another head meanwhile, whose files stay.
            StoreError: The store refuses, does not answer, or cannot write only if nobody else did.
        """
        new = FolderHead((self.at.path / self.head).read_bytes(), Tag())
        if before and before.version == new.version:
            return
        self._store.require_conditions()
        sizes = {name: (self.at.path / name).stat().st_size for name in names}

        def send(name: str) -> None:
            self._store.upload(self.at.path / name, self._name(new.version, name))

        while left := self._unsent(new, sizes):  # once more where another machine has removed what it replaced
            _all(send, left, f"upload {self.at.name}", progress)
        self._write_head(new, before)
        if before:
            self.remove_version(before.version)

    def fetch(self, head: FolderHead, hashes: Mapping[str, str], progress: Progress = NO_PROGRESS) -> None:
        """Download files into the copy, in place of those that it has.

        Args:
            head: Head that proves them.
            hashes: XXH128 of the files by name.
            progress: Receiver of every file.

        Raises:
            StoreError: A file is missing or has other bytes, or the folder was replaced meanwhile.
        """

        def receive(name: str) -> None:
            self.download(head, name, hashes[name], self.at.path / name)

        _all(receive, list(hashes), f"fetch {self.at.name}", progress)

    def mend(self, head: FolderHead, hashes: Mapping[str, str]) -> None:
        """Download those files anew that the copy lacks or has with other bytes; see `fetch`."""
        self.fetch(head, {name: expected for name, expected in hashes.items() if not self.holds(name, expected)})

    def download(self, head: FolderHead, name: str, xxh128: str, path: Path) -> None:
        """Download one file to any path; see `fetch`."""
        try:
            self._store.download(self._name(head.version, name), path, xxh128)
        except FileNotFoundError as error:
            now = self.read_head()
            said = (
                f"{self.at.url} was replaced meanwhile; run the command again"
                if now is None or now.version != head.version
                else f"{self._store.url(self._name(head.version, name))} is missing; make {self.at.name} again"
            )
            raise StoreError(said) from error

    def is_copy_of(self, head: FolderHead) -> bool:
        """Return whether the copy on this machine has this head."""
        copied = self.copied_head()
        return copied is not None and copied.data == head.data

    def holds(self, name: str, xxh128: str) -> bool:
        """Return whether the copy has a file with these bytes."""
        path = self.at.path / name
        return path.is_file() and xxh128_file(path) == xxh128

    def keep_head(self, head: FolderHead) -> None:
        """Write the head into the copy, after the files that it proves."""
        write_whole(self.at.path / self.head, head.data)

    def remove_version(self, version: str) -> None:
        """Remove the files of a head that is no more."""
        self._store.remove([found.name for found in self._store.objects(self._name(version))])

    def _unsent(self, head: FolderHead, sizes: Mapping[str, int]) -> list[str]:
        """List the files that the store lacks."""
        there = {found.name: found.size for found in self._store.objects(self._name(head.version))}
        return [name for name, size in sizes.items() if there.get(self._name(head.version, name)) != size]

    def _write_head(self, new: FolderHead, before: FolderHead | None) -> None:
        try:
            if before:
                self._store.replace(self._name(self.head), new.data, before.tag)
            else:
                self._store.create(self._name(self.head), new.data)
        except StoreConflictError:
            now = self.read_head()  # the same if the store's answer was lost, and the request repeated
            if now is None or now.data != new.data:
                raise

    @property
    def _store(self) -> Store:
        return self.at.store

    def _name(self, *parts: str) -> str:
        return "/".join((self.at.name, *parts))


def sealed_folder(path: Path, head: str) -> SealedFolder | None:
    """Open the folder of a store of which a path is the copy; None for a path that is none.

    Args:
        path: Folder on this machine, which need not exist.
        head: Name of the file that proves the others.
    """
    at = mirrored(path)
    return SealedFolder(at, head) if at else None


def _all(work: Callable[[str], None], names: list[str], title: str, progress: Progress) -> None:
    """Do work on several files at a time; the first error ends it."""
    if not names:
        return
    progress.start(title, len(names))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            for _ in pool.map(work, names):
                progress.advance()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    progress.finish()
