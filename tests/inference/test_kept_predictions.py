"""Predictions of every target come back from the files that keep them as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kit.errors import RunError
from kit.inference.out_of_fold import OutOfFold, read_out_of_fold
from kit.inference.predictions import Predictions, read_predictions
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.made import target_predictions

TARGETS: dict[str, tuple[Target, bool]] = {
    "two classes": (Classes(names=("no", "yes")), False),
    "classes with commas": (Classes(names=("a, b", "id", 'say "c"')), False),
    "tags": (Tags(names=("a", "b c", "d"), separator="|"), False),
    "tags with a word for none": (Tags(names=("a", "b"), no_tag="No Finding"), False),
    "grades": (Grades(names=("0", "1", "2")), False),
    "grades as a number": (Grades(names=("0", "1", "2")), True),
    "values": (Values.of(["x", "y"], ["1 2", "3 4"]), False),
}


@pytest.mark.parametrize("name", TARGETS)
def test_predictions_are_read_from_csv_as_they_were(name: str, tmp_path: Path) -> None:
    target, number = TARGETS[name]
    scores = target_predictions(target, 20, number=number)
    path = tmp_path / "predictions.csv"
    path.write_text(scores.csv())
    read = read_predictions(path, target)

    assert scores.keys == read.keys
    assert np.array_equal(scores.labels, read.labels)
    assert scores.labels.dtype == read.labels.dtype
    assert np.array_equal(scores.outputs, read.outputs)
    assert scores.csv() == read.csv()


@pytest.mark.parametrize("name", TARGETS)
def test_out_of_fold_predictions_are_read_from_parquet_as_they_were(name: str, tmp_path: Path) -> None:
    target, number = TARGETS[name]
    scores, folds = target_predictions(target, 20, number=number), np.arange(20, dtype=np.int32) % 3
    path = tmp_path / "predictions.parquet"
    path.write_bytes(OutOfFold(folds, scores).parquet())
    read = read_out_of_fold(path, target)

    assert pq.ParquetFile(path).schema_arrow.names[:3] == ["id", "fold", "label"]
    assert np.array_equal(folds, read.folds)
    assert np.array_equal(scores.labels, read.scores.labels)
    assert np.array_equal(scores.outputs, read.scores.outputs)


def test_predictions_of_another_target_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(target_predictions(Grades(names=("0", "1", "2")), 5).csv())

    with pytest.raises(RunError, match=r"is damaged|other columns"):
        read_predictions(path, Tags(names=("0", "1")))


def test_predictions_that_only_a_lost_dataset_explains_ask_for_it_and_damaged_ones_for_a_new_run(
    tmp_path: Path,
) -> None:
    path, target = tmp_path / "predictions.csv", Tags(names=("a", "b"))
    path.write_text(target_predictions(target, 9).csv())
    with pytest.raises(
        RunError,
        match=r"holds no predictions of classes, as its labels are no columns .*and the run's dataset, which .* gone",
    ) as caught:
        read_predictions(path)
    path.write_text(path.read_text().replace("0.", "x.", 1))
    with pytest.raises(RunError, match=r"is damaged; remove the run's folder and run its command again"):
        read_predictions(path, target)

    assert "remove" not in str(caught.value)


def test_out_of_fold_predictions_in_other_columns_than_the_datasets_are_refused(tmp_path: Path) -> None:
    target = Classes(names=("a", "b"))
    scores = Predictions(["x", "y"], np.int32([0, 1]), np.eye(2, dtype=np.float32), Classes(names=("b", "a")))
    (tmp_path / "o.parquet").write_bytes(OutOfFold(np.int32([0, 1]), scores).parquet())

    with pytest.raises(RunError, match=r"o\.parquet has the columns b, a, its dataset a, b; evaluate again"):
        read_out_of_fold(tmp_path / "o.parquet", target)
    for other in (Classes(names=("c", "d")), Values.of(("a",), ["1", "2"])):
        with pytest.raises(RunError, match=r"columns .*; evaluate again, or give out-of-fold predictions of this data"):
            read_out_of_fold(tmp_path / "o.parquet", other)
