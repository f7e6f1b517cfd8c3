from __future__ import annotations

import contextlib
import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from trained import SETTINGS

import kit
from kit.cli import main
from kit.errors import RunError, SpecError, SubmissionError, WorkspaceError
from kit.evaluation.threshold import Wanted, parse_threshold
from kit.inference.predictions import Predictions
from kit.reports.submission import describe_submission
from kit.submission.form import choose_cells, sample_of
from kit.submission.origin import read_origin
from kit.targets import NO_DECISION, Decision
from kit.targets.classes import Classes
from tests.made import class_head, class_predictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kit.runs import FoldSet, RunDirectory


def scores(rows: dict[str, list[float]]) -> Predictions:
    probabilities = np.array(list(rows.values()), np.float32)
    return class_predictions(list(rows), np.full(len(rows), -1, np.int32), probabilities)


def sample(columns: list[str], ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({name: ids if place == 0 else ["0"] * len(ids) for place, name in enumerate(columns)})


def fill(
    predicted: Predictions, classes: tuple[str, ...], table: pd.DataFrame | None, threshold: float | None
) -> pd.DataFrame:
    target = Classes(names=classes)
    found = None if table is None else sample_of(Path("sample.csv"), table, target)
    rule = NO_DECISION if threshold is None else Decision(thresholds=(threshold,))
    cells = replace(choose_cells(target, found, None, is_decided=threshold is not None), decision=rule)
    return cells.table(replace(predicted, target=target), found.ids if found else None)


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
    assert [[0.75, 0.25]] == class_head(2).predictions(np.array([[0.25]], np.float32)).tolist()


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
    with pytest.raises(WorkspaceError, match=r"submission.csv exists; choose another name or add force=True"):
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


def light(path: Path) -> dict[str, float]:
    """Probability of the second class, by id."""
    return {row["id"]: float(row["light"]) for row in csv.DictReader(path.read_text().splitlines())}


def test_several_runs_are_averaged(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> None:
    parts = []
    for fold in range(3):
        kit.predict(fold_set.run(fold).path, output=tmp_path / f"{fold}.csv", root=workspace)
        parts.append(light(tmp_path / f"{fold}.csv"))
    whole = kit.predict(fold_set.path.name, output=tmp_path / "all.csv", root=workspace)
    named = kit.predict(*(run.path for run in fold_set.finished().values()), root=workspace)
    mean = {key: np.mean([part[key] for part in parts]) for key in parts[0]}

    assert mean == pytest.approx(light(whole.path), rel=1e-6)
    assert whole.path.read_bytes() == named.path.read_bytes()
    assert f"{fold_set.path.name}-fold-0-and-2-more.csv" == named.path.name
    assert (3, 1) == (whole.runs, whole.views)


def test_a_run_that_is_named_twice_counts_once(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> None:
    both = kit.predict(fold_set.path, fold_set.run(1).path, output=tmp_path / "s.csv", root=workspace)

    assert 3 == both.runs


def test_runs_of_different_datasets_are_not_averaged(run: RunDirectory, fold_set: FoldSet, workspace: Path) -> None:
    with pytest.raises(
        RunError, match=r"runs of different datasets are not averaged: folded \(.*\), tiny \(.*kit blend"
    ):
        kit.predict(fold_set.path, run.path, root=workspace)


def test_a_csv_says_where_it_comes_from_and_what_it_should_score(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s.csv"
    made = kit.predict(fold_set.path.name, tta="flips", output=path, root=workspace)
    origin = read_origin(path)

    assert origin is not None
    assert [
        "kit",
        "predict",
        fold_set.path.name,
        "--tta",
        "flips",
        "--output",
        str(path),
        "--root",
        str(workspace),
    ] == (origin.command[:-1])
    assert [f"{fold_set.path.name}/fold-{fold}" for fold in range(3)] == origin.runs
    assert ("folded", fold_set.run(0).spec().fingerprint) == (origin.dataset, origin.fingerprint)
    assert ("auc", made.score, "out-of-fold") == (origin.metric, origin.score, origin.scored_on)
    assert kit.evaluate(fold_set.path, tta="flips", root=workspace).auc == origin.score
    assert origin.created.endswith("+00:00")


def test_its_command_makes_the_same_csv_again(
    fold_set: FoldSet, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.csv"
    kit.predict(fold_set.path.name, threshold="recall:0.8", tta="d4", weights="last", output=path, root=workspace)
    origin, made = read_origin(path), path.read_bytes()
    path.write_text("lost")
    assert origin is not None
    monkeypatch.setattr("sys.argv", origin.command)
    with pytest.raises(SystemExit) as left:
        main()

    assert not left.value.code
    assert made == path.read_bytes()


def test_a_single_run_is_scored_on_validation(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    made = kit.predict(run.path, output=tmp_path / "s.csv", root=workspace)

    assert (kit.evaluate(run.path, root=workspace).auc, "validation") == (pytest.approx(made.score), made.scored_on)


def test_a_chosen_threshold_is_the_one_of_the_held_out_predictions(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    wanted = {"best-f1": "f1", "best-accuracy": "accuracy", "recall:0.9": "recall"}
    table = pd.read_parquet(fold_set.predictions)
    truth = table["label"] == "light"
    chances = light(kit.predict(fold_set.path, output=tmp_path / "p.csv", root=workspace).path)
    for goal, name in wanted.items():
        path = tmp_path / f"{name}.csv"
        made = kit.predict(fold_set.path, threshold=goal, output=path, root=workspace)
        assert made.threshold is not None
        at = made.threshold.threshold
        flagged = table["light"] >= np.float32(at)
        figures = {
            "f1": metrics.f1_score(truth, flagged),
            "accuracy": metrics.accuracy_score(truth, flagged),
            "recall": metrics.recall_score(truth, flagged),
        }
        labels = {row["id"]: row["label"] for row in csv.DictReader(path.read_text().splitlines())}
        wanting = parse_threshold(goal)
        assert isinstance(wanting, Wanted)
        right = 0
        for fold, there in table.groupby("fold"):
            others = table[table["fold"] != fold]
            chosen = wanting.choose((others["label"] == "light").to_numpy(), others["light"].to_numpy(), "light")
            assert chosen is not None
            right += ((there["light"] >= chosen.threshold) == (there["label"] == "light")).sum()

        assert figures[name] == pytest.approx(getattr(made.threshold, name))
        assert ("accuracy", pytest.approx(right / len(table)), True) == (made.metric, made.score, made.is_crossed)
        assert describe_submission(made)[-1].endswith("; by thresholds chosen without each fold")
        assert {key: ("dark", "light")[int(value >= at)] for key, value in chances.items()} == labels


def test_a_threshold_chosen_on_one_split_says_that_its_accuracy_is_optimistic(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    made = kit.predict(run.path, threshold="best-accuracy", output=tmp_path / "s.csv", root=workspace)

    assert made.threshold is not None
    assert (False, pytest.approx(made.threshold.accuracy)) == (made.is_crossed, made.score)
    assert describe_submission(made)[-1].endswith(
        "; of the images that the threshold was chosen on, so it is optimistic"
    )


def test_runs_beside_folds_have_no_score(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> None:
    whole = kit.train("folded", settings=SETTINGS, root=workspace)
    made = kit.predict(fold_set.path, whole.path, threshold=0.5, output=tmp_path / "s.csv", root=workspace)

    assert (4, None, None, None) == (made.runs, made.metric, made.score, made.scored_on)


def test_a_file_that_nobody_predicted_has_no_origin(tmp_path: Path) -> None:
    assert read_origin(tmp_path / "mine.csv") is None


LISTENING: list[list[str]] = []  # lists that are told which files are opened: an audit hook stays for good


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        for opened in LISTENING:
            opened.append(str(arguments[0]))


sys.addaudithook(_note)


@contextlib.contextmanager
def files_opened() -> Iterator[list[str]]:
    opened: list[str] = []
    LISTENING.append(opened)
    try:
        yield opened
    finally:
        LISTENING.remove(opened)


@pytest.mark.parametrize("tta", [None, "flips"])
def test_each_run_is_read_and_checked_once_a_call(
    fold_set: FoldSet, workspace: Path, tmp_path: Path, tta: str | None
) -> None:
    with files_opened() as opened:
        kit.predict(fold_set.path, tta=tta, output=tmp_path / "s.csv", root=workspace)

    for fold in range(3):
        path = fold_set.run(fold).path

        assert 1 == opened.count(str(path / "result.json"))
        assert 1 == opened.count(str(path / "best.weights.h5"))  # to be hashed; HDF5 opens it below Python
        assert 2 == opened.count(str(path / "spec.json"))  # to be hashed, and to be read
