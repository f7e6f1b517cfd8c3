"""Waits for conditions in other processes, instead of a fixed time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

TIMEOUT = 600  # seconds: far more than anything takes on a machine with ten times the work that it has cores for

_HALTING = """
import sys, time
from pathlib import Path
from kit.cli import main
from kit.cli.console import ConsoleProgress

folder, pattern, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
advance = ConsoleProgress.advance

def advance_and_halt(self, steps=1, note=""):
    advance(self, steps, note)
    while len(list(folder.glob(pattern))) >= count:
        time.sleep(0.01)

ConsoleProgress.advance = advance_and_halt
sys.argv[1:] = sys.argv[4:]
main()
"""


def halting(arguments: Sequence[str], folder: Path, pattern: str, count: int = 1) -> list[str]:
    """Make a command of kit that waits to be killed, at its next report of progress once it has written some files.

    However late a test looks, the command has not ended; one that looks in time kills it where it happens to be.

    Args:
        arguments: Arguments of kit.
        folder: Folder that the pattern begins in.
        pattern: Pattern of the files.
        count: Number of files that must be there.
    """
    return [sys.executable, "-c", _HALTING, str(folder), pattern, str(count), *arguments]


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Wait until `condition` holds, which `process` is to bring about.

    Args:
        condition: Condition to wait for; it does not hold yet if a file that it looks at has just been renamed.
        process: Process that must not end before.
    """
    last = time.monotonic() + TIMEOUT
    try:
        while not _holds(condition):
            assert process.poll() is None, "the process ended first"
            assert time.monotonic() < last, f"the condition did not hold within {TIMEOUT} s"
            time.sleep(0.001)
    except BaseException:
        process.kill()  # or it goes on, and who waits for its end does so for ever
        process.wait()
        raise


def _holds(condition: Callable[[], object]) -> object:
    with contextlib.suppress(FileNotFoundError):
        return condition()
    return False


def stopped_with_open(pids: Sequence[int], is_meant: Callable[[Path], object]) -> int | None:
    """Stop the first of some processes that has a file open for which `is_meant` holds, and return its process id.

    It has the file open still when it is killed, however long that takes; a process that closed it meanwhile goes on.
    """
    for pid in pids:
        with contextlib.suppress(OSError):
            if any(map(is_meant, _open_files(pid))):
                os.kill(pid, signal.SIGSTOP)
                while _state(pid) not in "TZX":
                    time.sleep(0.001)
                if any(map(is_meant, _open_files(pid))):
                    return pid
                os.kill(pid, signal.SIGCONT)
    return None


def is_running(pid: int) -> bool:
    """Tell a running process from one that has ended, be it reaped or not."""
    try:
        return _state(pid) not in "ZX"
    except OSError:
        return False


def _state(pid: int) -> str:
    """Return the state of a process, a letter of proc_pid_stat(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _open_files(pid: int) -> list[Path]:
    return [handle.readlink() for handle in Path(f"/proc/{pid}/fd").iterdir()]


@contextlib.contextmanager
def ended(*commands: Sequence[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start commands at once, and kill those that still run at the end of the context."""
    running = [subprocess.Popen(command) for command in commands]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def kill_tree(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Kill a process and all below it at once, as if the machine lost its power."""
    for pid in tree(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def tree(root: int) -> list[int]:
    """List a process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found
