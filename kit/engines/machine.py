"""What this machine has."""

from __future__ import annotations

import os
from pathlib import Path


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Bytes that the machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_memory() -> int:
    """Bytes that nobody needs; all that there are where the system does not say."""
    info = Path("/proc/meminfo")
    if not info.is_file():
        return memory()
    (line,) = (line for line in info.read_text().splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024
