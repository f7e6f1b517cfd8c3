"""Memory of `kit shard` with all its workers, for few files and for many: it must not grow with their number.

Counted is the proportional set size of the whole process tree, its peak: pages that processes share count once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import write_tiffs

COUNTS = (2_000, 200_000)


def run(scratch: Path) -> None:
    print("\nkit shard --workers 2: peak memory of all processes")
    for count in COUNTS:
        source = scratch / f"{count}"
        write_tiffs(source, count, side=8)
        began = time.perf_counter()
        peak = _peak("-m", "kit", "shard", source, "--name", str(count), "--workers", 2, "--root", scratch)
        print(f"  {count:>9,} records   {peak / 1e6:8.0f} MB   {time.perf_counter() - began:6.1f} s")


def _peak(*arguments: object) -> int:
    """Run a command of Python's; return the largest memory of its process tree, bytes."""
    peak = 0
    with subprocess.Popen(
        [sys.executable, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, sum(_memory(pid) for pid in _tree(process.pid)))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"kit shard failed with status {process.returncode}")
    return peak


def _tree(pid: int) -> list[int]:
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(child) for child in _read(task).split()]
    return [pid, *(member for child in children for member in _tree(child))]


def _memory(pid: int) -> int:
    sizes = [line.split()[1] for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines() if line[:4] == "Pss:"]
    return sum(int(size) << 10 for size in sizes)


def _read(path: Path) -> str:
    """Read a file of a process that may have ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
