"""Total and free memory."""

from __future__ import annotations

import os
from pathlib import Path

_UNIT = 1024  # bytes: "kB" in /proc


def memory() -> int:
    """Return the machine's memory, bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory() -> int:
    """Return the memory available to this process, bytes; the machine's memory if the system does not report it.

    A limit on the address space, by batch systems or `ulimit -v`, counts if it leaves less.
    """
    return min(_unneeded(), _allowed())


def _unneeded() -> int:
    info = Path("/proc/meminfo")
    if not info.is_file():
        return memory()
    (line,) = (line for line in info.read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * _UNIT


def _allowed() -> int:
    """Return the address space left to this process by its limit, bytes."""
    try:
        import resource  # noqa: PLC0415 (Windows has none)

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return memory()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return memory()
    return max(0, limit - pages * os.sysconf("SC_PAGE_SIZE"))
