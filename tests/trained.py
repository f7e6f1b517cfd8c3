"""Fixtures that train: a dataset that a network learns in seconds, and a run on it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import kit
from kit.datasets import Dataset
from kit.runs import FoldSet, RunDirectory

SIDE = 16
# One convolution and the head: most of what a short training takes is the tracing of its layers.
SETTINGS = {"train.epochs": 3, "train.batch_size": 16, "model.pool": 2, "model.filters": "8", "model.dense": "[]"}


def write_images(folder: Path, count: int, classes: tuple[str, ...], *, ending: str = ".png", seed: int = 0) -> None:
    """Write images of noise with a brightness by class."""
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


@pytest.fixture(scope="session")
def folded(workspace: Path) -> Dataset:
    """90 images of two classes in three folds; the test images are one picture, mirrored, and turned by a quarter."""
    write_images(workspace / "more", 90, ("dark", "light"), seed=2)
    test = workspace / "turned"
    test.mkdir()
    picture = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    for name, pixels in (("as-it-is", picture), ("mirrored", picture[:, ::-1]), ("turned", np.rot90(picture))):
        cv2.imwrite(str(test / f"{name}.png"), np.ascontiguousarray(pixels))
    return kit.shard(workspace / "more", name="folded", test=test, folds=3, root=workspace, workers=1)


@pytest.fixture(scope="session")
def fold_set(folded: Dataset, workspace: Path) -> FoldSet:
    return kit.train_folds(folded.manifest.name, settings=SETTINGS, root=workspace)
