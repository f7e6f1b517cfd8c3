"""Cores and GPUs of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"  # environment variable of the GPUs visible to a process


def core_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """List the NVIDIA GPUs visible to this process, by CUDA's names, whether or not TensorFlow supports them."""
    visible = os.environ.get(VISIBLE_GPUS)
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in {"", "-1"}]
    return [path.name.removeprefix("nvidia") for path in sorted(Path("/dev").glob("nvidia[0-9]*"))]


def lacks_gpus() -> bool:
    """Return whether this process certainly has no GPU: on Linux, where every driver creates a device."""
    drivers = ("nvidia[0-9]*", "kfd", "dxg")  # NVIDIA's, AMD's, and WSL's
    has_driver = any(any(Path("/dev").glob(name)) for name in drivers)
    return not gpus() and (VISIBLE_GPUS in os.environ or (sys.platform == "linux" and not has_driver))
