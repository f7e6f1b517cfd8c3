"""Waits for conditions in other processes, instead of a fixed time."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

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
