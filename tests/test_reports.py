from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from sklearn import metrics
from trained import write_images

import kit
from kit.errors import RunError, ShardError
from kit.reports.comparison import comparison_table
from kit.reports.dataset import dataset_tables, describe_images, remarks
from kit.reports.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from kit.runs import RunDirectory
    from kit.shards import Dataset


def colours(path: Path) -> int:
    """Distinct colours of a picture; an empty one has one or two."""
    picture = cv2.imread(str(path))
    return len(np.unique(picture.reshape(-1, 3), axis=0))


def test_tables_become_markdown_and_csv() -> None:
    table = Table("", ("arm", "x"), (("a=1,\nb=2", "0.5\n± 0.1"), ("c|d", "—")))

    assert "| arm | x |\n| --- | ---: |\n| a=1,b=2 | 0.5 ± 0.1 |\n| c\\|d | — |\n" == table.markdown()
    assert [["arm", "x"], ["a=1,\nb=2", "0.5\n± 0.1"], ["c|d", "—"]] == list(
        csv.reader(table.csv().splitlines(keepends=True))
    )


def test_a_comparison_leaves_out_what_no_run_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"accuracy": [0.5, 0.75], "val_accuracy": [0.5, 0.25], "loss": [1, 0.5], "val_loss": [1, 2]}')
    table = comparison_table(kit.compare(path))

    assert (
        "arm",
        "n",
        "accuracy",
        "val\naccuracy",
        "best val\naccuracy",
        "loss",
        "val loss",
        "gap",
        "volatility",
    ) == table.columns
    assert (("history", "1", "0.7500", "0.2500", "0.5000", "0.5000", "2.0000", "0.5000", "0.2500"),) == table.rows


def test_a_comparison_is_written_with_full_precision_and_a_picture_an_arm(run: RunDirectory, tmp_path: Path) -> None:
    comparison = kit.compare(run.path)
    table, text, together, alone = kit.write_comparison(comparison, tmp_path / "out")
    (row,) = csv.DictReader(table.read_text().splitlines())

    assert run.result().final["val_accuracy"] == float(row["val_accuracy_mean"])
    assert "" == row["val_accuracy_sd"]
    assert str(run.result().parameters) == row["parameters"]
    assert text.read_text().startswith("| arm | n |")
    assert colours(together) > 10
    assert colours(alone) > 10


def test_dataset_tables_count_images_by_split_and_class(tiny: Dataset) -> None:
    images, shards = dataset_tables(tiny)

    assert ("split", "all", "dark", "light", "unlabelled") == images.columns
    assert ("train", "84", "42\n50.0%", "42\n50.0%", "—") == images.rows[0]
    assert ("test", "10", "—", "—", "10\n100.0%") == images.rows[2]
    assert ["train", "validation", "test"] == [row[0] for row in shards.rows]
    assert (
        "16 x 16 pixels (height x width), 3 channels; 130 PNG, 3 x uint8; stored as 130 raw; 0 rejects"
        in describe_images(tiny)
    )


def test_what_a_person_should_know_of_a_dataset_is_said(tiny: Dataset, tmp_path: Path) -> None:
    assert [] == remarks(tiny)
    for split in ("train", "test"):
        write_images(tmp_path / "images" / split, 40, ("dark", "light"), seed=len(split))
    (tmp_path / "images" / "test" / "light" / "same.png").write_bytes(
        (tmp_path / "images" / "train" / "dark" / "000.png").read_bytes()
    )
    (tmp_path / "images" / "train" / "notes.txt").touch()
    dataset = kit.shard(tmp_path / "images", name="leaky", group=r"^00\d", workers=1, root=tmp_path)

    assert [
        "not stored: 0 bad, 1 left out or no image; see rejects.csv",
        "images with an exact duplicate: 2 in sets: 1; see duplicates.csv",
        "warning: sets of duplicates with different labels: 1",
        "warning: sets of duplicates across the source's own splits: 1",
        "warning: groups across the source's own splits: 10 of 10",
    ] == remarks(dataset)


def test_a_preview_shows_the_first_images(tiny: Dataset, tmp_path: Path) -> None:
    kit.write_preview(tiny, tmp_path / "preview.png")

    assert colours(tmp_path / "preview.png") > 1000


def test_an_evaluation_is_what_scikit_learn_says_of_the_stored_predictions(run: RunDirectory, workspace: Path) -> None:
    rows = list(csv.DictReader(run.predictions.read_text().splitlines()))
    truth = [int(row["label"] == "light") for row in rows]
    light = [float(row["light"]) for row in rows]
    evaluation = kit.evaluate(run.path, root=workspace)

    assert math.isclose(metrics.roc_auc_score(truth, light), evaluation.auc, abs_tol=1e-9)
    assert np.array_equal(metrics.confusion_matrix(truth, [p > 0.5 for p in light]), evaluation.confusion)
    assert math.isclose(run.result().best["val_accuracy"], evaluation.accuracy, abs_tol=1e-6)
    assert 36 == evaluation.report["macro avg"]["support"]


def test_an_evaluation_is_written_as_tables_and_pictures(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    files = kit.evaluate(run.path, weights="last", root=workspace).write(tmp_path)
    matrix, picture, report, report_picture = files

    assert ["class", "dark", "light"] == matrix.read_text().splitlines()[0].split(",")
    assert "class,precision,recall,f1-score,support" == report.read_text().splitlines()[0]
    assert colours(picture) > 10
    assert colours(report_picture) > 10


def test_evaluations_of_other_weights_or_splits_lie_apart(run: RunDirectory, workspace: Path) -> None:
    best, last = (kit.evaluate(run.path, weights=weights, root=workspace) for weights in ("best", "last"))

    assert run.path / "evaluation-validation-best" == best.folder
    assert run.path / "evaluation-validation-last" == last.folder
    assert "validation, last weights" in last.tables()[0].title


def test_an_unlabelled_or_unknown_split_cannot_be_evaluated(run: RunDirectory, workspace: Path) -> None:
    with pytest.raises(ShardError, match=r"split 'test' of tiny has no labels"):
        kit.evaluate(run.path, split="test", root=workspace)
    with pytest.raises(ShardError, match=r"unknown split 'valid'; did you mean 'validation'"):
        kit.evaluate(run.path, split="valid", root=workspace)


def test_an_unknown_run_cannot_be_evaluated(workspace: Path) -> None:
    with pytest.raises(RunError, match=r"unknown run 'nothing'"):
        kit.evaluate("nothing", root=workspace)
