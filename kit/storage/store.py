"""Objects in a store: read, listed, written whole, or written only if nobody else did; the one module with obstore."""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from kit.errors import DamagedObjectError, MissingDependencyError, StoreConflictError, StoreError
from kit.files import begun_file, settle, xxh128_file
from kit.storage.address import EXTRAS, Address
from kit.storage.refusal import lacks_bucket, lacks_conditions, no_credentials, refusal
from kit.storage.store_environment import ENDPOINTS, check_environment

_ATTEMPTS = 4  # besides the first; with pauses of .1 s and more
_PATIENCE = 60  # seconds for all attempts at a request
_CONNECT, _READ = 10, 60  # seconds to connect, and between two pieces of an answer
_PART = 16 << 20  # bytes of a part of a large object; smaller objects are sent in one request


@dataclass(frozen=True, slots=True)
class Object:
    """Object in a store.

    Attributes:
        name: Name below the address.
        size: Bytes.
    """

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Tag:
    """State of an object, for `Store.replace`: S3 knows it by its ETag, Google Cloud Storage by its generation.

    Attributes:
        e_tag: ETag of the object.
        version: Number of the object's generation; None at S3.
    """

    e_tag: str | None = None
    version: str | None = None


class Store:
    """Objects below an address.

    An object appears whole or not at all, and stores have no locks: two writers are told apart by `create` and
    `replace`, which write only if nobody else has.

    Args:
        address: Address of the workspace.

    Raises:
        MissingDependencyError: The packages for this kind of store are not installed.
        StoreError: Credentials or settings of the environment are wrong.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._obstore = _import_obstore(address.scheme)
        self._has_conditions = False
        check_environment(address.scheme)
        with self._named(""):
            self._opened = self._open()

    def read(self, name: str) -> tuple[bytes, Tag] | None:
        """Read a small object.

        Returns:
            Its bytes and its tag, which changes when it is written again; None if there is no such object.
        """
        with self._named(name):
            try:
                answer = self._obstore.get(self._opened, name)
            except FileNotFoundError as error:
                self._refuse_missing_bucket(error)
                return None
            return bytes(answer.bytes()), Tag(answer.meta["e_tag"], answer.meta["version"])

    def read_beginning(self, name: str, size: int) -> bytes | None:
        """Read the first bytes of an object that is not empty; None if there is no such object.

        Args:
            name: Name of the object.
            size: Most bytes to read.
        """
        with self._named(name):
            try:
                return bytes(self._obstore.get_range(self._opened, name, start=0, length=size))
            except FileNotFoundError as error:
                self._refuse_missing_bucket(error)
                return None

    def objects(self, folder: str) -> list[Object]:
        """List the objects in a folder and below it."""
        with self._named(folder):
            chunks = self._obstore.list(self._opened, f"{folder}/" if folder else None, chunk_size=1000)
            return [Object(found["path"], found["size"]) for chunk in chunks for found in chunk]

    def folders(self, folder: str) -> list[str]:
        """List the names of the folders in a folder."""
        with self._named(folder):
            answer = self._obstore.list_with_delimiter(self._opened, f"{folder}/")
            return sorted(str(prefix).rstrip("/").rpartition("/")[2] for prefix in answer["common_prefixes"])

    def write(self, name: str, data: bytes) -> None:
        """Write an object, whatever is there."""
        with self._named(name):
            self._obstore.put(self._opened, name, data, use_multipart=False)

    def create(self, name: str, data: bytes) -> None:
        """Write an object that is not there.

        Raises:
            StoreConflictError: It is there, or appeared meanwhile.
            StoreError: The store cannot write on this condition, so nothing was written.
        """
        self._write_if(name, data, "create")

    def replace(self, name: str, data: bytes, tag: Tag) -> None:
        """Write an object that is unchanged since it was read.

        Raises:
            StoreConflictError: It was changed or removed meanwhile.
            StoreError: The store cannot write on this condition, so nothing was written.
        """
        self._write_if(name, data, {kind: value for kind, value in asdict(tag).items() if value})

    def require_conditions(self) -> None:
        """Refuse a store that overwrites what somebody else wrote, before anything is sent to it; asked once.

        Raises:
            StoreError: The store ignores conditions, or cannot write on any.
        """
        if self._has_conditions:
            return
        name = f".conditions-{secrets.token_hex(8)}"
        try:
            with contextlib.suppress(StoreConflictError):  # with oneself: the answer was lost, and the request repeated
                self.create(name, b"1")
            found = self.read(name)
            self.write(name, b"2")
            self._refuse_overwriting(lambda: self.create(name, b"3"))
            if found:
                self._refuse_overwriting(lambda: self.replace(name, b"3", found[1]))
        finally:
            self.remove([name])
        self._has_conditions = True

    def _refuse_overwriting(self, write: Callable[[], None]) -> None:
        try:
            write()
        except StoreConflictError:
            return
        raise StoreError(
            f"{self.address}: the store ignores conditions and overwrites what another machine wrote; use one with"
            " conditional writes, or a shared file system"
        )

    def upload(self, path: Path, name: str) -> None:
        """Write an object from a file, in parts if it is large; a part that is cut off leaves no object."""
        with self._named(name):
            self._obstore.put(self._opened, name, path, chunk_size=_PART, max_concurrency=4)

    def download(self, name: str, path: Path, xxh128: str | None) -> None:
        """Read an object into a file, which appears when its hash is the expected one.

        Args:
            name: Name of the object.
            path: Path of the file.
            xxh128: Hash of its bytes, hexadecimal; None for an object that is checked otherwise.

        Raises:
            FileNotFoundError: There is no such object.
            DamagedObjectError: It has other bytes.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with begun_file(path) as temporary, self._named(name):
            answer = self._obstore.get(self._opened, name)
            with temporary.open("xb") as file:
                for piece in answer.stream(min_chunk_size=1 << 20):
                    file.write(piece)
            if xxh128 is not None and xxh128_file(temporary) != xxh128:
                raise DamagedObjectError(f"{self.url(name)} has other bytes than were uploaded; upload it again")
            settle(temporary, path)

    def remove(self, names: list[str]) -> None:
        """Remove objects, as far as they are there."""
        for name in names:
            with self._named(name):
                try:
                    self._obstore.delete(self._opened, name)
                except FileNotFoundError as error:
                    self._refuse_missing_bucket(error)

    def url(self, name: str) -> str:
        """Write the whole address of an object."""
        return f"{self.address}/{name}" if name else str(self.address)

    def _write_if(self, name: str, data: bytes, mode: Any) -> None:
        from obstore import exceptions

        with self._named(name):
            try:
                self._obstore.put(self._opened, name, data, mode=mode, use_multipart=False)
            except (exceptions.BaseError, NotImplementedError) as error:
                if isinstance(error, exceptions.BaseError) and not lacks_conditions(str(error)):
                    raise
                where = self.url(name)
                raise StoreError(
                    f"{where}: the store has no conditional writes, without which two machines overwrite each other;"
                    " use one that has, or a shared file system"
                ) from error

    def _open(self) -> Any:
        from obstore import store

        options: dict[str, Any] = {
            "client_options": {
                "connect_timeout": timedelta(seconds=_CONNECT),
                "read_timeout": timedelta(seconds=_READ),
                "timeout": timedelta(hours=1),  # of a whole object; obstore's 30 s end the transfer of a large one
                "allow_http": any(
                    os.environ.get(name, "").lower().startswith("http://") for name in ENDPOINTS[self.address.scheme]
                ),
            },
            "retry_config": {"max_retries": _ATTEMPTS, "retry_timeout": timedelta(seconds=_PATIENCE)},
        }
        bucket, prefix = self.address.bucket, self.address.prefix or None
        if self.address.scheme == "s3":
            return store.S3Store(bucket, prefix=prefix, **options, **_aws_options(self.address))
        return store.GCSStore(bucket, prefix=prefix, **options)

    @contextlib.contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Turn the errors of obstore into kit's, with the address of the object; OSErrors of this disk pass."""
        from obstore import exceptions

        try:
            yield
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError) as error:
            self._refuse_missing_bucket(error)
            raise StoreConflictError(f"{self.url(name)} was written by another machine meanwhile") from error
        except FileNotFoundError as error:
            if "Error performing" not in str(error):  # a file of this machine
                raise
            self._refuse_missing_bucket(error)
            raise
        except exceptions.BaseError as error:
            raise refusal(self.address, self.url(name), str(error)) from error

    def _refuse_missing_bucket(self, error: Exception) -> None:
        if lacks_bucket(str(error)):
            raise refusal(self.address, str(self.address), str(error)) from error


@cache
def open_store(address: Address) -> Store:
    """Open the store at an address, once a process."""
    return Store(address)


def _import_obstore(scheme: str) -> Any:
    try:
        return importlib.import_module("obstore")
    except ImportError as error:
        extra = EXTRAS[scheme]
        raise MissingDependencyError(f"{scheme}:// needs obstore; install 'kit[{extra}]'") from error


def _aws_options(address: Address) -> dict[str, Any]:
    """Find credentials as AWS' own tools do, profiles included; obstore itself knows the environment alone."""
    if "AWS_ACCESS_KEY_ID" in os.environ:
        return {}
    try:
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return {}
    try:
        return {"credential_provider": Boto3CredentialProvider()}
    except ValueError as error:  # none are found
        raise no_credentials(address) from error
    except BotoCoreError as error:  # no such profile, half of a key, a tool that fails
        raise refusal(address, str(address), str(error)) from error
