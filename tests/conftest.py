from __future__ import annotations

import gc
import os
from collections.abc import Generator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# As `prepare_devices` sets it, which comes too late where an earlier test has used TensorFlow in this process.
os.environ["TF_NUM_INTEROP_THREADS"] = "1"

# Tables are as wide as in a file, whatever terminal the tests run in.
os.environ.pop("COLUMNS", None)

SHARED = Path(__file__).parents[2] / "shared" / "data"

# A busy machine is no fault of what is tested.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The fast tests draw fewer examples; `invoke test --thorough` draws all of them, of the same tests.
settings.register_profile("brief", settings.get_profile("thorough"), max_examples=25)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "brief"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the tests and what they import out of every garbage collection: all of it lives until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_spec("tensorflow_addons"):
        return
    for item in items:
        if item.get_closest_marker("addons"):
            item.add_marker(pytest.mark.skip(reason="tensorflow-addons is not installed: pip install 'kit[addons]'"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Competition:
    """A competition's folder: 24 labelled images of two classes, dark "0" and bright "1", and 6 to predict."""

    folder: Path
    train: Path
    labels: Path
    test: Path
    sample_submission: Path
    images: dict[str, np.ndarray]  # RGB pixels by id, of train and test

    @property
    def inputs(self) -> dict[str, Any]:
        """What `kit.shard` takes besides a name."""
        return {
            "source": self.train,
            "labels": self.labels,
            "test": self.test,
            "sample_submission": self.sample_submission,
        }


@pytest.fixture
def competition(tmp_path: Path) -> Competition:
    folder = tmp_path / "competition"
    made = Competition(
        folder=folder,
        train=folder / "train",
        labels=folder / "train_labels.csv",
        test=folder / "test",
        sample_submission=folder / "sample_submission.csv",
        images={},
    )
    rng = np.random.default_rng(7)
    rows = ["id,label"]
    for number in range(24):
        label = number % 2
        _write_image(made, made.train, f"case{number:02d}", 40 + 140 * label, rng)
        rows.append(f"case{number:02d},{label}")
    made.labels.write_text("\n".join(rows) + "\n")
    tested = [f"test{number}" for number in (3, 0, 5, 1, 4, 2)]
    for number, identifier in enumerate(sorted(tested)):
        _write_image(made, made.test, identifier, 40 + 140 * (number % 2), rng)
    made.sample_submission.write_text("id,label\n" + "".join(f"{identifier},0.5\n" for identifier in tested))
    return made


@pytest.fixture(scope="session")
def pcam() -> Path:
    return _shared("pcam")


@pytest.fixture(scope="session")
def chest_xray() -> Path:
    return _shared("chest_xray")


@pytest.fixture(scope="session")
def awkward() -> Path:
    return _shared("awkward")


@pytest.fixture(scope="session")
def cifar() -> Path:
    return _shared("cifar10_kaggle_small")


def _write_image(competition: Competition, folder: Path, identifier: str, level: int, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(level - 30, level + 30, (40, 40, 3), np.uint8)
    ending = ".tif" if len(competition.images) % 3 == 0 else ".png"
    cv2.imwrite(str(folder / f"{identifier}{ending}"), pixels[..., ::-1])
    competition.images[identifier] = pixels


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    return folder
