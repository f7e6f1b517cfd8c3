"""Waits for conditions in other processes, instead of a fixed time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

TIMEOUT = 120  # seconds: far more than any condition takes on a busy machine


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Wait until `condition` holds, which `process` is to bring about.

    Args:
        condition: Condition to wait for.
        process: Process that must not end before.
    """
    last = time.monotonic() + TIMEOUT
    while not condition():
        assert process.poll() is None, "the process ended first"
        assert time.monotonic() < last, f"the condition did not hold within {TIMEOUT} s"
        time.sleep(0.001)


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
    for pid in _tree(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _tree(root: int) -> list[int]:
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
