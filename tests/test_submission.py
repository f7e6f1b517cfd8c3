from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kit
from kit.errors import SpecError, SubmissionError, WorkspaceError
from kit.submission.predict import fill
from kit.training.predictions import Scores
from kit.training.score import class_probabilities

if TYPE_CHECKING:
    from pathlib import Path

    from kit.runs import RunDirectory


def scores(rows: dict[str, list[float]]) -> Scores:
    probabilities = np.array(list(rows.values()), np.float32)
    return Scores(list(rows), np.full(len(rows), -1, np.int32), probabilities)


def sample(columns: list[str], ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: ids if place == 0 else ["0"] * len(ids) for place, name in enumerate(columns)})


TWO = {"a": [0.75, 0.25], "b": [0.25, 0.75]}
THREE = {"a": [0.5, 0.25, 0.25], "b": [0.125, 0.125, 0.75]}


def test_two_classes_fill_one_column_with_the_second_ones_probability() -> None:
    table = fill(scores(TWO), ("0", "1"), sample(["id", "label"], ["b", "a"]), None)

    assert {"id": ["b", "a"], "label": [0.75, 0.25]} == table.to_dict("list")


def test_a_threshold_fills_in_classes() -> None:
    table = fill(scores(TWO), ("normal", "ill"), sample(["image", "target"], ["a", "b"]), 0.75)

    assert {"image": ["a", "b"], "target": ["normal", "ill"]} == table.to_dict("list")


def test_a_column_for_each_class_is_filled_in_the_samples_order() -> None:
    table = fill(scores(THREE), ("x", "y", "z"), sample(["id", "z", "x", "y"], ["a", "b"]), None)

    assert {"id": ["a", "b"], "z": [0.25, 0.75], "x": [0.5, 0.125], "y": [0.25, 0.125]} == table.to_dict("list")


def test_many_classes_in_one_column_are_the_likeliest() -> None:
    table = fill(scores(THREE), ("x", "y", "z"), sample(["id", "label"], ["a", "b"]), None)

    assert {"id": ["a", "b"], "label": ["x", "z"]} == table.to_dict("list")


def test_without_a_sample_there_is_a_column_for_each_class() -> None:
    table = fill(scores(TWO), ("0", "1"), None, None)

    assert ["id", "0", "1"] == list(table.columns)


def test_a_threshold_without_a_sample_gives_ids_and_labels() -> None:
    table = fill(scores(TWO), ("normal", "ill"), None, 0.5)

    assert {"id": ["a", "b"], "label": ["normal", "ill"]} == table.to_dict("list")


@given(st.permutations([f"id-{number}" for number in range(12)]))
def test_rows_follow_the_sample_whatever_order_was_predicted(ids: list[str]) -> None:
    truth = {f"id-{number}": [1 - number / 16, number / 16] for number in range(12)}
    table = fill(scores(truth), ("0", "1"), sample(["id", "label"], ids), None)

    assert ids == table["id"].tolist()
    assert [truth[key][1] for key in ids] == table["label"].tolist()


def test_ids_without_a_prediction_are_counted_and_named() -> None:
    with pytest.raises(SubmissionError, match=r"no prediction for ids of the sample submission: c, d, e, … \(4\)"):
        fill(scores(TWO), ("0", "1"), sample(["id", "label"], ["a", "c", "d", "e", "f"]), None)


def test_predictions_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(SubmissionError, match=r"predictions are not numbers for b \(1\); the training diverged"):
        fill(scores({"a": [0.5, 0.5], "b": [float("nan"), 0.5]}), ("0", "1"), None, None)


def test_sigmoid_outputs_become_two_columns() -> None:
    assert [[0.75, 0.25]] == class_probabilities(np.array([[0.25]], np.float32)).tolist()


def test_a_submission_has_the_samples_ids_order_and_columns(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    submission = kit.predict(run.path, output=path, root=workspace)
    rows = list(csv.DictReader(path.read_text().splitlines()))

    assert (10, ("id", "label")) == (submission.rows, submission.columns)
    assert [f"{number:03d}" for number in reversed(range(10))] == [row["id"] for row in rows]
    assert all(0 <= float(row["label"]) <= 1 for row in rows)
    assert 10 == len({row["label"] for row in rows})


def test_an_existing_submission_is_replaced_only_when_asked(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.write_text("mine")
    with pytest.raises(WorkspaceError, match=r"submission.csv exists; choose another name or add --force"):
        kit.predict(run.path, output=path, root=workspace)
    assert "mine" == path.read_text()

    kit.predict(run.path, output=path, threshold=0.5, force=True, root=workspace)
    labels = {row["label"] for row in csv.DictReader(path.read_text().splitlines())}

    assert labels <= {"dark", "light"}


def test_a_labelled_split_is_predicted_with_a_column_for_each_class(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    submission = kit.predict(run.path, split="validation", output=tmp_path / "v.csv", root=workspace)

    assert (36, ("id", "dark", "light")) == (submission.rows, submission.columns)


def test_a_threshold_outside_zero_to_one_is_refused(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"threshold must be in \[0, 1\], got 1.5"):
        kit.predict(run.path, output=tmp_path / "s.csv", threshold=1.5, root=workspace)
