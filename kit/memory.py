"""Memory: how much the machine has, and how much this process may still take."""

from __future__ import annotations

import os
from pathlib import Path

_UNIT = 1024  # bytes: "kB" in /proc


def memory() -> int:
    """Bytes that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory() -> int:
    """Bytes that nobody needs and this process may take; all that there are where the system does not say.

    Batch systems and `ulimit -v` limit a process's address space: what that leaves counts, where it is less.
    """
    return min(_unneeded(), _allowed())


def _unneeded() -> int:
    info = Path("/proc/meminfo")
    if not info.is_file():
        return memory()
    (line,) = (line for line in info.read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * _UNIT


def _allowed() -> int:
    """Bytes that the limit of the address space leaves to this process."""
    try:
        import resource  # noqa: PLC0415 (Windows has none)

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return memory()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return memory()
    return max(0, limit - pages * os.sysconf("SC_PAGE_SIZE"))
