"""Room for copies on this machine's disk."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

from kit.errors import require
from kit.storage.mirror import cache_folder

_LIMIT = "KIT_CACHE_GB"
_RESERVE = 1 << 30  # bytes of the disk that stay free: 1 GiB for checkpoints and other processes


def room_for_copies(folder: Path) -> int:
    """Return how many bytes may still be copied.

    Args:
        folder: Existing folder on the disk of the copies.

    Returns:
        Free space of the disk but for a reserve, and no more than what KIT_CACHE_GB leaves to all copies together;
        0 or more.

    Raises:
        SpecError: KIT_CACHE_GB is no number above 0.
    """
    free = shutil.disk_usage(folder).free - _RESERVE
    return max(0, min(free, _left_of_limit()) if _LIMIT in os.environ else free)


def _left_of_limit() -> int:
    try:
        limit = float(os.environ[_LIMIT])
    except ValueError:
        limit = 0.0
    require(0 < limit < math.inf, f"{_LIMIT} must be a number of gigabytes above 0, got '{os.environ[_LIMIT]}'")
    return int(limit * 1e9) - sum(_size(path) for path in cache_folder().rglob("*.tfrecord"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process has renamed or removed it
        return 0
