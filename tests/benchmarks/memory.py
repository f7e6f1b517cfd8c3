"""Memory of a command and of all processes that it starts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path


def peak_memory(*arguments: object, every: float = 0.05) -> int:
    """Run a command of Python's, silently; return the largest memory of its process tree, bytes.

    Counted is the proportional set size: pages that processes share count once.

    Args:
        *arguments: After the interpreter's name.
        every: Seconds between two looks; each costs a few milliseconds a gigabyte.
    """
    peak = 0
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, sum(memory_of(pid) for pid in _tree(process.pid)))
            time.sleep(every)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, arguments))} failed with status {process.returncode}")
    return peak


def memory_of(pid: int) -> int:
    """Read the proportional set size of a process, bytes; 0 of one that has ended."""
    sizes = [line.split()[1] for line in read(Path(f"/proc/{pid}/smaps_rollup")).splitlines() if line[:4] == "Pss:"]
    return sum(int(size) << 10 for size in sizes)


def read(path: Path) -> str:
    """Read a file of a process that may have ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _tree(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in read(task).split()]
    return [pid, *(member for child in children for member in _tree(child))]
