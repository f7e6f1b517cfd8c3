"""What this machine has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"  # environment variable: the GPUs that a process may use


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[str]:
    """Name the NVIDIA GPUs that this process may use, as CUDA does, whether or not TensorFlow can."""
    visible = os.environ.get(VISIBLE_GPUS)
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in {"", "-1"}]
    return [path.name.removeprefix("nvidia") for path in sorted(Path("/dev").glob("nvidia[0-9]*"))]


def lacks_gpus() -> bool:
    """Whether this process can certainly use no GPU: on Linux, where every kind of driver leaves a device."""
    drivers = ("nvidia[0-9]*", "kfd", "dxg")  # NVIDIA's, AMD's, and that of Windows below
    has_driver = any(any(Path("/dev").glob(name)) for name in drivers)
    return not gpus() and (VISIBLE_GPUS in os.environ or (sys.platform == "linux" and not has_driver))
