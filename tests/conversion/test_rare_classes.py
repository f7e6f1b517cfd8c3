"""Classes of one image: trained on, never validated, and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import dataset_of

import kit
from kit.datasets import Dataset, verify_dataset
from kit.errors import SourceError
from kit.reports.dataset import remarks
from kit.specs import ShardSpec
from kit.targets.classes import Classes

TARGET = Classes(names=("a", "b", "c", "d", "e"))
LABELS = [*"aaaaaabbbbbbccde"]


def made(tmp_path: Path, spec: ShardSpec) -> Dataset:
    dataset = dataset_of(tmp_path, TARGET, LABELS, spec=spec)
    verify_dataset(dataset)
    return dataset


def test_classes_of_one_image_train_and_the_dataset_says_so(tmp_path: Path) -> None:
    dataset = made(tmp_path, ShardSpec())

    assert {"a": 4, "b": 4, "c": 1, "d": 1, "e": 1} == dataset.manifest.counts["train"]
    assert {"a": 2, "b": 2, "c": 1} == dataset.manifest.counts["validation"]
    assert ["2 classes have one image: they train and never validate"] == remarks(dataset)


def test_of_three_parts_a_class_of_two_images_trains_and_validates(tmp_path: Path) -> None:
    counts = made(tmp_path, ShardSpec(split=(0.6, 0.2, 0.2))).manifest.counts

    assert [1, 1, 0] == [counts[split].get("c", 0) for split in ("train", "validation", "test")]


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_each_fold_trains_on_every_class(tmp_path: Path, fold: int) -> None:
    dataset = made(tmp_path, ShardSpec(folds=3))
    view = dataset.for_fold(fold)
    view.manifest.refuse_contradictions()
    trained, held = view.manifest.counts["train"], view.manifest.counts["validation"]

    assert set(TARGET.names) == {name for name, count in trained.items() if count}
    assert [1, 1, 0, 0] == [trained["d"], trained["e"], held["d"], held["e"]]
    assert [
        "2 classes have one image: they train and never validate",
        "1 class has fewer images than there are folds",
    ] == remarks(dataset)
    assert len(LABELS) == view.manifest.records("train") + view.manifest.records("validation")


def test_a_class_of_one_group_is_named_where_it_never_validates(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (14, 8, 8), np.uint8)
    groups = [*map(str, range(12)), "p", "p"]
    dataset = kit.shard_arrays(images, [*"ab"] * 6 + ["c"] * 2, groups=groups, name="grouped", workers=1, root=tmp_path)

    assert ["classes without a validation image: c (1); they train and never validate"] == remarks(dataset)


def test_one_image_of_each_class_is_too_few_to_take(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"one image of each class trains, and none is left .*; take more with per_"):
        dataset_of(tmp_path, Classes(names=("a", "b", "c")), [*"aabbc"], spec=ShardSpec(balance="down"))

    assert not list(tmp_path.rglob("*.tfrecord"))
