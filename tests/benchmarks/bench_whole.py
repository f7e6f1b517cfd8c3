"""The whole of a competition, step by step: time, CPU seconds and memory of each.

By default 220,025 labelled and 57,458 test TIFFs of 96x96 pixels, as many as Histopathologic Cancer Detection has (7.7
GB), of made pixels: smooth colours and some noise, no two alike. Every step is a process of its own, start-up included.

    python tests/benchmarks/bench_whole.py [LABELLED TEST [FOLDER]]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from memory import peak_memory
from timing import cpu_seconds, write_patches

LABELLED, TEST = 220_025, 57_458
CANCER = 0.405  # share of the second class, as in the competition


def run(folder: Path, labelled: int, test: int) -> None:
    began = time.perf_counter()
    size = write_competition(folder, labelled, test)
    print(
        f"\n{labelled:,} + {test:,} TIFFs of 96x96, {size / 1e9:.1f} GB, made in {time.perf_counter() - began:.0f} s;"
    )
    print(f"{os.cpu_count()} cores; memory is the peak of all processes of a step; n = 1", flush=True)
    for name, command in steps(folder).items():
        began, busy = time.perf_counter(), cpu_seconds()
        peak = peak_memory("-m", "kit", *command, every=0.2)
        wall, cpu = time.perf_counter() - began, cpu_seconds() - busy
        print(f"  {name:<20}{wall:8.1f} s{cpu:8.1f} CPU s{peak / 1e6:9,.0f} MB", flush=True)


def steps(folder: Path) -> dict[str, list[object]]:
    """Name each step and its command."""
    images = ["--test", folder / "test", "--sample-submission", folder / "sample_submission.csv"]
    source = [folder / "train", "--labels", folder / "train_labels.csv", *images]
    root = ["--root", folder]
    return {
        "audit": ["audit", *source],
        "shard to 32x32": ["shard", *source, "--size", 32, "--name", "whole", *root],
        "info --verify": ["info", "whole", "--verify", *root],
        "train, one epoch": ["train", "whole", "--epochs", 1, *root],
        "predict": ["predict", folder / "runs", "-o", folder / "submission.csv", *root],
    }


def write_competition(folder: Path, labelled: int, test: int) -> int:
    """Write the competition's files.

    Returns:
        Bytes of the images.
    """
    import numpy as np

    ids = [f"{number:040x}" for number in np.random.default_rng(0).permutation(labelled + test).tolist()]
    train, asked = ids[:labelled], ids[labelled:]
    paths = [folder / "train" / f"{one}.tif" for one in train] + [folder / "test" / f"{one}.tif" for one in asked]
    write_patches(paths)
    labels = (np.random.default_rng(1).random(labelled) < CANCER).astype(int).tolist()
    _write_csv(folder / "train_labels.csv", train, labels)
    _write_csv(folder / "sample_submission.csv", asked, [0] * test)
    return len(paths) * paths[0].stat().st_size


def _write_csv(path: Path, ids: list[str], labels: list[int]) -> None:
    rows = (f"{one},{label}\n" for one, label in zip(ids, labels, strict=True))
    path.write_text("id,label\n" + "".join(rows))


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:3]] or [LABELLED, TEST]
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as scratch:
        run(Path(scratch), *counts)
