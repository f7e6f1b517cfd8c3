"""Locks between processes: on a path, on a folder in use, and on work that several commands share in parts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kit.errors import BusyError

_TIMEOUT = 2.0  # seconds: the workers of a killed command need a moment to follow it
_PART_TIMEOUT = 60.0  # seconds: hundreds of parts may begin at once, each within milliseconds


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock `path` against other processes of kit, also by its other names, and against parts of work on it.

    The lock of a killed process is released.

    Raises:
        BusyError: Another process holds the lock, or parts are at work.
    """
    with _alone(path, _TIMEOUT):
        refuse_parts(path)
        _parts_file(path).unlink(missing_ok=True)  # of killed parts
        yield


def wait_until_free(path: Path, seconds: float) -> None:
    """Wait for the lock of `path` that a lost machine held, which a network file system releases after a while."""
    last = time.monotonic() + seconds
    while time.monotonic() < last:
        try:
            with locked(path):
                return
        except BusyError:
            time.sleep(_TIMEOUT)


@contextlib.contextmanager
def locked_part(path: Path, begin: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Lock `path` for a part of the work on it: other parts may be at work too, but no command that does the whole.

    On file systems without locks nothing is locked.

    Args:
        path: File or folder that the parts make together.
        begin: Function called before this part counts as being at work, alone among the parts that begin.

    Raises:
        BusyError: A command that does the whole is at work.
    """
    with alone(path):
        begin()
        file = _parts_file(path).open("a+b")
        _flock(file.fileno(), shared=True)
    try:
        yield
    finally:
        with file, contextlib.suppress(BusyError), _alone(path, _TIMEOUT):
            if _flock(file.fileno(), shared=False):  # the last part
                _parts_file(path).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lock `path` for a moment against commands and parts that begin; parts that are at work go on.

    Raises:
        BusyError: A command that does the whole is at work.
    """
    with _alone(path, _PART_TIMEOUT):
        yield


def refuse_parts(path: Path) -> None:
    """Refuse to do the whole of the work on `path` while parts of it are done.

    Raises:
        BusyError: Parts are at work.
    """
    if are_parts_at_work(path):
        raise BusyError(f"parts of {path} are at work; wait until all of them have ended, then join them", path)


def are_parts_at_work(path: Path) -> bool:
    """Return whether a part of the work on `path` is running; while `path` is locked, none can begin."""
    try:
        with _parts_file(path).open("r+b") as file:
            return not _flock(file.fileno(), shared=False)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _alone(path: Path, timeout: float) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 (slow to import, and needed for writing only)

    real = path.resolve()  # also of ".", which has no name
    real.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(real.with_name(f".{real.name}.lock"), timeout=timeout)
    try:
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"another kit command is writing {path}; wait until it has finished", path) from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # before the release, so that waiting processes notice
        lock.release()


def _parts_file(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(f".{real.name}.parts.lock")


@contextlib.contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Take a shared lock on a file, so that its folder is not replaced; see `unused`.

    Nothing is locked on systems or file systems without locks.

    Raises:
        BusyError: Another process is replacing the folder.
    """
    with path.open("rb") as file:
        if not _flock(file.fileno(), shared=True):
            raise BusyError(f"another kit command is replacing {path.parent}; wait until it has finished")
        yield


@contextlib.contextmanager
def unused(path: Path) -> Iterator[None]:
    """Take the exclusive lock on a file, which proves that its folder is not in use; see `shared_lock`.

    Raises:
        BusyError: Another process uses the folder.
    """
    with path.open("rb") as file:
        if not _flock(file.fileno(), shared=False):
            raise BusyError(
                f"{path.parent} is in use by another kit command; wait until it has finished, or choose another name"
            )
        yield


def _flock(handle: int, *, shared: bool) -> bool:
    """Lock an open file until it is closed; False if another process holds a conflicting lock."""
    try:
        import fcntl  # noqa: PLC0415 (Windows has none)
    except ImportError:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network file system without locks, or one whose exclusive locks need a file open for writing
        return True
    return True
