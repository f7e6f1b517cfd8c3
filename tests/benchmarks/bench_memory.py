"""Memory that must not grow: of `kit shard` with the number of files, of `kit train` with the number of epochs.

Counted is the proportional set size of the whole process tree, its peak: pages that processes share count once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import memory_of, peak_memory, read
from timing import write_tiffs

COUNTS = (2_000, 200_000)
EPOCHS = 50
IMAGES = 2_000  # of 64x64 pixels: 25 MB decoded
LOOKS = (5, 15, 25, 35, 45)  # epochs after which memory is read


def run(scratch: Path) -> None:
    print("\nkit shard --workers 2: peak memory of all processes")
    for count in COUNTS:
        source = scratch / f"{count}"
        write_tiffs(source, count, side=8)
        began = time.perf_counter()
        peak = peak_memory("-m", "kit", "shard", source, "--name", str(count), "--workers", 2, "--root", scratch)
        print(f"  {count:>9,} records   {peak / 1e6:8.0f} MB   {time.perf_counter() - began:6.1f} s")


def run_train(scratch: Path) -> None:
    write_tiffs(scratch / "images", IMAGES, side=64)
    subprocess.run(
        [sys.executable, "-m", "kit", "shard", scratch / "images", "--name", "patches", "--root", scratch],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for cache in ("memory", "disk", "none"):
        sizes = _memory_by_epoch(scratch, cache)
        listed = ", ".join(f"{size / 1e6:,.0f} MB after {epoch}" for epoch, size in sizes.items())
        growth = (sizes[LOOKS[-1]] - sizes[LOOKS[0]]) / (LOOKS[-1] - LOOKS[0])
        print(f"\nkit train --cache {cache}, {EPOCHS} epochs of {IMAGES} images of 64x64, n = 1")
        print(f"  {listed}; {growth / 1e6:+.2f} MB an epoch")


def _memory_by_epoch(scratch: Path, cache: str) -> dict[int, int]:
    """Train, and read the memory of the process when so many epochs are in its history."""
    sizes: dict[int, int] = {}
    command = [sys.executable, "-m", "kit", "train", "patches", "--cache", cache, "--root", str(scratch)]
    settings = ["--set", f"train.epochs={EPOCHS}", "--set", "model.filters=4,8", "--set", "augment=d4"]
    with subprocess.Popen(command + settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            lines = [read(path).count("\n") - 1 for path in scratch.glob(f"runs/*cache={cache}*/history.csv")]
            if lines and lines[0] in LOOKS:
                sizes.setdefault(lines[0], memory_of(process.pid))
            time.sleep(0.02)
    if process.returncode or list(sizes) != list(LOOKS):
        sys.exit(f"kit train failed with status {process.returncode}, seen after epochs {list(sizes)}")
    return sizes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        run_train(Path(folder))
