"""Interleaved timings: neighbours slow every contestant of a round alike, so ratios within a round hold."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data"


def interleave(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run all contestants in turn, `rounds` times after a warm-up; return their seconds."""
    for run in contestants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def report(title: str, seconds: Mapping[str, list[float]], *, items: int = 1, unit: str = "s") -> None:
    """Print median figures, and each contestant's time as a multiple of the first one's, round by round."""
    rounds = len(next(iter(seconds.values())))
    print(f"\n{title} (median of {rounds} interleaved rounds; {platform.machine()}, {os.cpu_count()} cores)")
    first = next(iter(seconds.values()))
    for name, values in seconds.items():
        median = statistics.median(values)
        ratio = statistics.median(value / base for value, base in zip(values, first, strict=True))
        figure = f"{median:10.3f} s" if items == 1 else f"{items / median:10,.0f} {unit}"
        print(f"  {name:<58}{figure}   {ratio:6.2f} x the first one's time")


def with_pcam(run: Callable[[Path, Path], None]) -> None:
    """Call `run` with the folder of PCam's images and an empty one; without the images, say so."""
    pcam = SHARED / "pcam"
    if not pcam.is_dir():
        print("\nneeds the PCam images beside the repository; left out")
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(pcam, Path(scratch))
