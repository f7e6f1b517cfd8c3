from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made import dataset_of

from kit.conversion import shard
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.conftest import Competition


def _read(dataset: Dataset, split: str) -> list[dict[str, Any]]:
    """Read a split by tensorflow_datasets alone."""
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(str(dataset.folder))
    return [example["image"] for example in builder.as_dataset(split=split).as_numpy_iterator()]


def _agree(dataset: Dataset, split: str, *, within: int) -> int:
    """Compare a split as tensorflow_datasets and as kit read it; return the number of examples."""
    examples = {example.key: example for example in read_examples(dataset, split)}
    for read in _read(dataset, split):
        example = examples.pop(read["key"].decode())
        label = read["class"]["label"]

        assert np.abs(example.pixels.astype(int) - read["encoded"]).max() <= within
        assert example.text == read["class"]["text"].decode()
        assert (dataset.manifest.classes[label] if label >= 0 else "") == example.text
    assert not examples
    return dataset.manifest.records(split)


def test_raw_dataset_is_opened_by_tensorflow_datasets(competition: Competition, tmp_path: Path) -> None:
    dataset = shard(**competition.inputs, name="cells", workers=1, root=tmp_path)

    assert dataset.manifest.image.formats == {"raw": 30}
    assert _agree(dataset, "train", within=0) == 16
    assert _agree(dataset, "validation", within=0) == 8
    assert _agree(dataset, "test", within=0) == 6


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_dataset_is_opened_by_tensorflow_datasets(tmp_path: Path, channels: int) -> None:
    rng = np.random.default_rng(11)
    for number in range(12):
        path = tmp_path / "images" / ("bird", "cat")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = (np.add.outer(np.arange(30 + number), np.arange(40)) + rng.integers(0, 100)).astype(np.uint8)
        cv2.imwrite(str(path), ramp if channels == 1 else np.dstack([ramp, ramp // 2, 255 - ramp]))
    dataset = shard(tmp_path / "images", name="pets", channels=channels, workers=1, root=tmp_path)

    assert dataset.manifest.image.formats == {"jpeg": 12}
    assert _agree(dataset, "train", within=3) == 8
    assert _agree(dataset, "validation", within=3) == 4


TAGS = Tags(names=("cirrus", "haze", "road"))
NUMBERS = [f"{number / 7:.9g} {number % 5}" for number in range(40)]
TARGETS: list[tuple[Target, list[str]]] = [
    (Grades(names=("0", "1", "2")), [*"0120"] * 10),
    (TAGS, ["haze", "", "cirrus road", "road"] * 10),
    (Values.of(("angle", "count"), NUMBERS), NUMBERS),
]


@pytest.mark.parametrize(("target", "labels"), TARGETS)
def test_dataset_of_every_target_is_opened_by_tensorflow_datasets(
    target: Target, labels: list[str], tmp_path: Path
) -> None:
    dataset = dataset_of(tmp_path, target, labels, unlabelled=3)
    for split in dataset.manifest.splits:
        examples = {example.key: example for example in read_examples(dataset, split)}
        for read in _read(dataset, split):
            example = examples.pop(read["key"].decode())
            stored = read["values"] if "values" in read else read["class"]["label"]
            row = target.encode([None if split == "test" else example.text])[0]
            marks = {"tags": lambda row: np.flatnonzero(row) if row[0] >= 0 else [-1]}.get(target.kind(), np.asarray)

            assert np.array_equal(example.pixels, read["encoded"])
            assert example.text == read["class"]["text"].decode()
            assert np.array_equal(marks(row), stored, equal_nan=target.kind() == "values")
        assert not examples


NAMED: list[tuple[Target, list[str]]] = [
    (Classes(names=("2", "10", "a b")), ["2", "10", "a b"] * 10),
    *(case for case in TARGETS if case[0].kind() != "values"),
]


@pytest.mark.parametrize(("target", "labels"), NAMED)
def test_tensorflow_datasets_finds_the_names(target: Target, labels: list[str], tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(str(dataset_of(tmp_path, target, labels).folder))

    assert list(target.names) == builder.info.features["image"]["class"]["label"].names
