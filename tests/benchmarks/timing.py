"""Interleaved timings: neighbours slow every contestant of a round alike, so ratios within a round hold."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SHARED = Path(__file__).parents[3] / "shared" / "data"


class Took(NamedTuple):
    """Seconds that a contestant took.

    Attributes:
        wall: By the clock.
        cpu: Of all cores, user and system, children included.
    """

    wall: float
    cpu: float


def interleave(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    before: Callable[[], object] = lambda: None,
    warm_up: bool = True,
) -> dict[str, list[Took]]:
    """Run all contestants in turn, `rounds` times; return their seconds, without those of `before`.

    Args:
        contestants: by what they are called.
        rounds: that count.
        before: called before each of them.
        warm_up: whether a round that does not count goes before, which contestants that take minutes can do without.
    """
    for run in contestants.values() if warm_up else ():
        before()
        run()
    seconds: dict[str, list[Took]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            before()
            began, busy = time.perf_counter(), cpu_seconds()
            run()
            seconds[name].append(Took(time.perf_counter() - began, cpu_seconds() - busy))
    return seconds


def cpu_seconds() -> float:
    """Sum up what this process and its children that have ended took of all cores."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def report(
    title: str, seconds: Mapping[str, list[Took]], *, items: int | Mapping[str, int] = 1, unit: str = "s"
) -> None:
    """Print median figures, CPU seconds, and each contestant's time as a multiple of the first one's, round by round.

    Args:
        title: what was timed.
        seconds: of each contestant and round.
        items: that a contestant handled, the same for all or each its own; times are then compared item by item.
        unit: of the figure.
    """
    rounds = len(next(iter(seconds.values())))
    counts = items if isinstance(items, Mapping) else dict.fromkeys(seconds, items)
    print(f"\n{title} (median of {rounds} interleaved rounds; {platform.machine()}, {os.cpu_count()} cores)")
    first = next(iter(seconds))
    for name, values in seconds.items():
        wall, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        pairs = zip(values, seconds[first], strict=True)
        ratio = statistics.median((value.wall / counts[name]) / (base.wall / counts[first]) for value, base in pairs)
        figure = f"{wall:10.3f} s" if counts[name] == 1 else f"{counts[name] / wall:10,.0f} {unit}"
        print(f"  {name:<58}{figure}   {cpu:8.2f} CPU s   {ratio:6.2f} x the first one's time")


def forget(*paths: Path) -> Callable[[], None]:
    """Make a function that removes what a contestant left, and lets the disk come to rest."""

    def remove() -> None:
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        os.sync()

    return remove


def in_process(*arguments: object) -> None:
    """Run a command of Python's and wait, silently: start-up counts too."""
    subprocess.run(
        [sys.executable, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def write_tiffs(folder: Path, count: int, side: int = 96) -> list[Path]:
    """Write `count` different uncompressed RGB TIFFs in two class folders: smooth colours and some noise.

    Returns:
        The files, sorted.
    """
    paths = [folder / f"class-{number % 2}" / f"{number:06d}.tif" for number in range(count)]
    write_patches(paths, side)
    return sorted(paths)


def write_patches(paths: list[Path], side: int = 96) -> None:
    """Write a different uncompressed RGB TIFF of smooth colours and some noise at each path."""
    import cv2
    import numpy as np
    import tifffile

    generator = np.random.default_rng(0)
    for folder in {path.parent for path in paths}:
        folder.mkdir(parents=True)
    for path in paths:
        coarse = generator.integers(60, 220, (6, 6, 3), np.uint8)
        pixels = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR)
        pixels ^= generator.integers(0, 8, pixels.shape, np.uint8)
        tifffile.imwrite(path, pixels, photometric="rgb")


def with_pcam(run: Callable[[Path, Path], None]) -> None:
    """Call `run` with the folder of PCam's images and an empty one; without the images, say so."""
    pcam = SHARED / "pcam"
    if not pcam.is_dir():
        print("\nneeds the PCam images beside the repository; left out")
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(pcam, Path(scratch))


def shard_digits(root: Path) -> None:
    """Shard scikit-learn's 1,797 handwritten digits, 8x8 pixels as they are, as the dataset "digits"."""
    from sklearn.datasets import load_digits

    import kit

    digits = load_digits()
    images = (digits.images * 255 / 16).astype("uint8")[..., None]
    kit.shard_arrays(images, digits.target, name="digits", channels=1, root=root)
