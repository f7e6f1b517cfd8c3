"""What seals cost: hashing shards the first time and the second, and opening a dataset and a run."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from timing import interleave, report

import kit
from kit.datasets import Dataset, find_dataset
from kit.datasets.verify import check_splits
from kit.runs import RunDirectory
from kit.seals import KnownHashes

SIDE, IMAGES = 512, 1300  # 1 GB of raw pixels
ROUNDS = 5
OPENINGS = 50
SMALL = {"train.epochs": 1, "train.batch_size": 16, "model.pool": 2, "model.filters": "4,8", "model.dense": "16"}
_CHUNK = 1 << 20  # 1 MiB, as kit.files reads


def run() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        generator = np.random.default_rng(0)
        images = generator.integers(0, 256, (IMAGES, SIDE, SIDE, 3), np.uint8)
        labels = ["a", "b"] * (IMAGES // 2)
        large = kit.shard_arrays(images, labels, name="large", encoding="raw", workers=1, root=root)
        small = kit.shard_arrays(images[:200, :16, :16], labels[:200], name="small", workers=1, root=root)
        time.sleep(3)  # or the files are too new for their hashes to be remembered
        _hashing(large)
        _opening(kit.train("small", settings=SMALL, root=root), small, root)


def _hashing(dataset: Dataset) -> None:
    splits = dataset.manifest.splits
    size = sum(shard.bytes for shard in dataset.manifest.shards)
    cache = dataset.folder / ".hashes.json"

    def first() -> None:
        cache.unlink(missing_ok=True)
        check_splits(dataset, splits)

    took = interleave(
        {
            "read all shards": lambda: [_read(path) for split in splits for path in dataset.paths(split)],
            "check all shards, the first time": first,
            "check all shards, the second time": lambda: check_splits(dataset, splits),
        },
        ROUNDS,
    )
    report(
        f"{size / 1e9:.2f} GB of shards in {len(dataset.manifest.shards)} files", took, items=size // 10**6, unit="MB/s"
    )
    assert all(KnownHashes(dataset.folder).known(shard.name) for shard in dataset.manifest.shards)


def _read(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(_CHUNK):
            pass


def _opening(run: RunDirectory, dataset: Dataset, root: Path) -> None:
    print(f"\nopening, median of {OPENINGS}")
    for what, call in {
        "a dataset": lambda: find_dataset(dataset.manifest.name, root=root),
        "a finished run: result, settings, history": lambda: (run.result(), run.spec(), run.history()),
        "a finished run: settings alone": run.spec,
    }.items():
        print(f"  {what:<58}{1000 * _median(call):10.2f} ms")


def _median(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(OPENINGS):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    run()
