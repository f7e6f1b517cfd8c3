"""Fixtures that train: a dataset that a network learns in seconds, and a run on it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.runs import RunDirectory
from kit.shards import Dataset

SIDE = 16
SETTINGS = {"train.epochs": 3, "train.batch_size": 16, "model.pool": 2, "model.filters": "4,8", "model.dense": "16"}


def write_images(folder: Path, count: int, classes: tuple[str, ...], *, ending: str = ".png", seed: int = 0) -> None:
    """Write images of noise whose brightness tells their class."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        place = number % len(classes)
        path = folder / classes[place] / f"{number:03d}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        low = 160 * place // max(1, len(classes) - 1)
        cv2.imwrite(str(path), generator.integers(low, low + 90, (SIDE, SIDE, 3), np.uint8))


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def tiny(workspace: Path) -> Dataset:
    """120 images of two classes, 84 to train on and 36 to validate, and ten test images."""
    write_images(workspace / "images", 120, ("dark", "light"))
    write_images(workspace / "test", 10, ("",), seed=1)
    ids = [f"{number:03d}" for number in reversed(range(10))]
    sample = workspace / "sample_submission.csv"
    sample.write_text("id,label\n" + "".join(f"{key},0\n" for key in ids))
    return kit.shard(
        workspace / "images", name="tiny", test=workspace / "test", sample_submission=sample, root=workspace, workers=1
    )


@pytest.fixture(scope="session")
def run(tiny: Dataset, workspace: Path) -> RunDirectory:
    return kit.train(tiny.manifest.name, settings=SETTINGS, root=workspace)
