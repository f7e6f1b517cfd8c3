from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from made import Made
from sklearn import metrics
from trained import SETTINGS

import kit
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.errors import RunError, ShardError, SpecError
from kit.inference.out_of_fold import OutOfFold, hold_out, read_out_of_fold
from kit.locks import locked
from kit.reports.evaluation import evaluation_title
from kit.reports.fold_table import fold_doubts
from kit.runs import FoldSet, RunDirectory, open_runs
from kit.workspace import Workspace
from tests.made import class_predictions


@pytest.fixture
def copy(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> FoldSet:
    """The fold set in a workspace of its own."""
    (tmp_path / "tfrecords").symlink_to((workspace / "tfrecords").resolve())
    return FoldSet(Path(shutil.copytree(fold_set.path, tmp_path / "runs" / fold_set.path.name)))


def again(copy: FoldSet, folds: str = "all") -> FoldSet:
    return kit.train_folds("folded", folds, settings=SETTINGS, root=copy.path.parents[1])


def kept(fold_set: FoldSet) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (fold_set.predictions, fold_set.path / "folds.json")}


def test_every_image_is_predicted_once_by_the_run_that_did_not_learn_from_it(
    fold_set: FoldSet, folded: Dataset
) -> None:
    table = pd.read_parquet(fold_set.predictions)
    truth = {
        (example.key, fold, example.text)
        for fold in range(3)
        for example in read_examples(folded.for_fold(fold), "validation")
    }

    assert ["id", "fold", "label", "dark", "light"] == list(table.columns)
    assert truth == set(table[["id", "fold", "label"]].itertuples(index=False, name=None))
    assert 90 == len(table)
    for fold, part in table.groupby("fold"):
        own = pd.read_csv(fold_set.run(int(str(fold))).predictions)
        assert own["id"].tolist() == part["id"].tolist()
        assert np.array_equal(own["light"].astype(np.float32), part["light"])
    assert np.allclose(1, table["dark"] + table["light"])


def test_figures_are_what_scikit_learn_says_of_the_file(fold_set: FoldSet) -> None:
    table, result = pd.read_parquet(fold_set.predictions), fold_set.result()
    parts = [table, *(part for _, part in table.groupby("fold"))]
    areas = [metrics.roc_auc_score(part["label"] == "light", part["light"]) for part in parts]
    losses = [metrics.log_loss(part["label"] == "light", part["light"]) for part in parts]
    found = [result.pooled, *result.folds.values()]

    assert [90, 30, 30, 30] == [figures.images for figures in found]
    assert areas == pytest.approx([figures.auc for figures in found])
    assert losses == pytest.approx([figures.loss for figures in found], rel=1e-5)
    assert result.auc is not None
    assert (np.mean(areas[1:]), np.std(areas[1:], ddof=1)) == pytest.approx((result.auc.mean, result.auc.sd))


def test_finished_folds_are_kept_and_the_join_is_made_anew(copy: FoldSet) -> None:
    before = kept(copy)
    old = [(copy.run(fold).path / "result.json").stat().st_mtime_ns for fold in (0, 2)]
    shutil.rmtree(copy.run(1).path)
    copy.predictions.unlink()
    (copy.path / "folds.json").unlink()
    with pytest.raises(RunError, match=r"has no folds.json; run its kit\.train_folds again"):
        copy.result()
    done = again(copy)

    assert copy.path == done.path
    assert before == kept(done)
    assert old == [(copy.run(fold).path / "result.json").stat().st_mtime_ns for fold in (0, 2)]


def test_folds_that_came_to_nothing_are_named(copy: FoldSet) -> None:
    for fold, run in copy.finished().items():
        doubt = "no better than chance" if fold == 1 else ""
        run.finish(msgspec.structs.replace(run.result(), doubt=doubt))

    assert ["fold 1: no better than chance"] == fold_doubts(copy)


def test_changed_out_of_fold_predictions_are_refused(copy: FoldSet) -> None:
    read_out_of_fold(copy.predictions)
    table = pd.read_parquet(copy.predictions)
    table.iloc[::-1].to_parquet(copy.predictions)

    with pytest.raises(
        RunError, match=r"out_of_fold\.parquet was changed after kit wrote it; run its kit\.train_folds"
    ):
        read_out_of_fold(copy.predictions)


def test_more_folds_extend_the_set(copy: FoldSet) -> None:
    shutil.rmtree(copy.run(1).path)
    few = again(copy, "2,0").result()

    assert [0, 2] == list(few.folds)
    assert 60 == few.pooled.images
    assert [0, 1, 2] == list(again(copy).result().folds)


def test_a_single_fold_has_no_spread(copy: FoldSet) -> None:
    for fold in (0, 2):
        shutil.rmtree(copy.run(fold).path)
    result = again(copy, "1").result()

    assert result.accuracy.sd is None
    assert result.accuracy.mean == result.pooled.accuracy


@pytest.mark.parametrize(
    ("name", "folds", "error", "message"),
    [
        ("folded", "0,3", ShardError, r"folded has folds 0 to 2, not fold 3"),
        ("folded", "some", SpecError, r"folds must be all, or numbers such as 0,1, got 'some'"),
        ("folded", "", SpecError, r"folds= names no fold"),
        ("tiny", "all", SpecError, r"tiny has no folds; shard it with folds=5"),
    ],
)
@pytest.mark.usefixtures("tiny", "folded")
def test_folds_that_are_not_there_are_refused(
    workspace: Path, name: str, folds: str, error: type[Exception], message: str
) -> None:
    runs = sorted((workspace / "runs").glob("*"))
    with pytest.raises(error, match=message):
        kit.train_folds(name, folds, settings={**SETTINGS, "train.epochs": 7}, root=workspace)
    assert runs == sorted((workspace / "runs").glob("*"))


def test_a_fold_set_is_evaluated_out_of_fold(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> None:
    evaluation = kit.evaluate(fold_set.path.name, recall=0.9, root=workspace)
    files = {path.name: path for path in kit.write_evaluation(evaluation, tmp_path, html=True)}
    figures, rows = json.loads(files["evaluation.json"].read_text()), pd.read_csv(files["folds.csv"])

    assert msgspec.structs.replace(fold_set.result(), files={}, seal="") == evaluation.folds
    assert fold_set.result().pooled.auc == evaluation.auc
    assert "out-of-fold, best weights, 3 runs, n = 90" == evaluation_title(evaluation)
    assert fold_set.predictions.read_bytes() == files["out_of_fold.parquet"].read_bytes()
    assert evaluation.folds is not None
    assert ["0", "1", "2", "mean", "sd", "all"] == rows["fold"].tolist()
    assert [one.auc for one in evaluation.folds.folds.values()] == rows["AUC"].tolist()[:3]
    assert evaluation.folds.accuracy.sd == rows["accuracy"].tolist()[4]
    assert (3, 1) == (figures["runs"], figures["views"])
    assert f"{fold_set.path.name}: out-of-fold" in files["report.html"].read_text()
    assert fold_set.path / "evaluation-out-of-fold-best" == evaluation.folder


def test_views_and_weights_have_predictions_of_their_own_computed_once(fold_set: FoldSet, workspace: Path) -> None:
    by_views = kit.evaluate(fold_set.path, tta="flips", weights="last", root=workspace)
    files = [fold_set.run(fold).path / "validation_predictions-last-flips.csv" for fold in range(3)]
    before = [path.stat().st_mtime_ns for path in files]
    again = kit.evaluate(fold_set.path, tta="flips", weights="last", root=workspace)

    assert "out-of-fold, last weights, 4 views, 3 runs, n = 90" == evaluation_title(by_views)
    assert by_views.figures() == again.figures()
    assert before == [path.stat().st_mtime_ns for path in files]
    assert by_views.scores.loss != kit.evaluate(fold_set.path, root=workspace).scores.loss


def test_predictions_that_were_damaged_are_computed_anew(copy: FoldSet) -> None:
    """Half a line of the first fold is lost, a line of the second, and all of the third."""
    before, paths = kept(copy), [copy.run(fold).predictions for fold in range(3)]
    data = [path.read_bytes() for path in paths]
    for path, left in zip(paths, (data[0][:-9], data[1][: data[1].rstrip().rindex(b"\n") + 1], b""), strict=True):
        path.write_bytes(left)
    again(copy)

    assert before == kept(copy)
    assert data == [path.read_bytes() for path in paths]


def test_one_fold_is_evaluated_on_its_own_images(fold_set: FoldSet, workspace: Path, tmp_path: Path) -> None:
    evaluation = kit.evaluate(fold_set.run(2).path, root=workspace)
    kit.write_evaluation(evaluation, tmp_path)  # draws mislabelled images of that fold

    assert fold_set.result().folds[2].accuracy == pytest.approx(evaluation.accuracy)
    assert pd.read_csv(fold_set.run(2).predictions)["id"].tolist() == evaluation.scores.keys


def test_another_split_is_averaged_over_the_folds_or_refused(fold_set: FoldSet, workspace: Path) -> None:
    with pytest.raises(RunError, match=r"split train differs from fold to fold; name test, or a run of one fold"):
        kit.evaluate(fold_set.path, split="train", root=workspace)
    with pytest.raises(ShardError, match=r"split 'test' of folded has no labels"):
        kit.evaluate(fold_set.path, split="test", root=workspace)


def test_seeds_of_a_fold_are_averaged_before_they_are_measured(
    fold_set: FoldSet, folded: Dataset, workspace: Path
) -> None:
    other = kit.train_folds("folded", "0,1", seed=1, settings={**SETTINGS, "train.epochs": 1}, root=workspace)
    runs = [*fold_set.finished().values(), *other.finished().values()]
    both = hold_out(runs, folded)
    assert both is not None
    parts = [read_out_of_fold(one.predictions).parts() for one in (fold_set, other)]

    assert [0, 1, 2] == list(both.parts())
    assert np.allclose(both.parts()[1].probabilities, np.mean([part[1].probabilities for part in parts], axis=0))
    assert np.array_equal(both.parts()[2].probabilities, parts[0][2].probabilities)


def test_runs_that_learned_from_each_others_validation_are_not_measured_on_it(
    fold_set: FoldSet, workspace: Path
) -> None:
    whole = kit.train("folded", settings=SETTINGS, root=workspace)
    with pytest.raises(RunError, match=r"were trained on each other's validation images; evaluate them apart"):
        kit.evaluate(fold_set.path, whole.path, root=workspace)
    with pytest.raises(RunError, match=r"leave no images to choose a threshold on"):
        kit.predict(fold_set.path, whole.path, threshold="best-f1", root=workspace)


def test_a_diverged_fold_leaves_figures_that_are_no_numbers(tmp_path: Path) -> None:
    scores = class_predictions(["a", "b"], np.int32([0, 1]), np.float32([[0.75, 0.25], [np.nan, np.nan]]))
    held_out = OutOfFold(np.int32([0, 1]), scores)
    fold_set = FoldSet(tmp_path)
    fold_set.finish(held_out.parquet(), held_out.result())
    read, result = read_out_of_fold(fold_set.predictions), fold_set.result()

    assert np.array_equal(scores.probabilities, read.scores.probabilities, equal_nan=True)
    assert (None, None) == (result.loss, result.auc)
    assert (0.5, None, None) == (result.pooled.accuracy, result.pooled.loss, result.pooled.auc)


def test_classes_of_any_name_have_a_column(tmp_path: Path) -> None:
    held_out = OutOfFold(
        np.int32([0, 0]), class_predictions(["a", "b"], np.int32([0, 1]), np.eye(2, dtype="f4"), ("id", "label"))
    )
    (tmp_path / "x.parquet").write_bytes(held_out.parquet())
    read = read_out_of_fold(tmp_path / "x.parquet")

    assert ("id", "label") == read.classes
    assert np.array_equal(held_out.scores.probabilities, read.scores.probabilities)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a"], "fold": [0], "label": ["no"], "yes": [1.0]}, r"lacks the columns id, fold, label"),
        ({"id": ["a"], "fold": ["x"], "label": ["yes"], "yes": [1.0]}, r"lacks the columns id, fold, label"),
        ({"key": ["a"], "fold": [0], "label": ["yes"], "yes": [1.0]}, r"must begin with the columns id, fold, label"),
        ({"id": ["a", "a"], "fold": [0, 1], "label": ["yes"] * 2, "yes": [1.0] * 2}, r"name every image once"),
    ],
)
def test_files_that_are_not_out_of_fold_are_refused(
    tmp_path: Path, columns: dict[str, list[object]], message: str
) -> None:
    pd.DataFrame(columns).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(RunError, match=message):
        read_out_of_fold(tmp_path / "x.parquet")


def test_a_file_that_is_missing_or_no_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "y.parquet").write_text("no")

    with pytest.raises(RunError, match=r"x.parquet does not exist; kit\.train_folds writes"):
        read_out_of_fold(tmp_path / "x.parquet")
    with pytest.raises(RunError, match=r"y.parquet lacks the columns"):
        read_out_of_fold(tmp_path / "y.parquet")


def test_the_runs_of_a_folder_come_by_number(tmp_path: Path) -> None:
    ablation = Made(tmp_path / "runs" / "made-x")
    for seed in (10, 9):
        for fold in (1, 0):
            ablation.finish("a=1", seed, [0.5], fold=fold)
    names = [run.path.name for run in open_runs("made-x/a=1", Workspace(tmp_path))]

    assert [f"seed-{seed}-fold-{fold}" for seed in (9, 10) for fold in (0, 1)] == names
    assert ["seed-9-fold-1"] == [
        run.path.name for run in open_runs(tmp_path / "runs/made-x/a=1/seed-9-fold-1", Workspace(tmp_path))
    ]
    with pytest.raises(RunError, match=r"unknown run 'made-y'; did you mean 'made-x'\?"):
        open_runs("made-y", Workspace(tmp_path))


def test_runs_that_were_named_one_by_one_have_no_folder_for_tables(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    evaluation = kit.evaluate(fold_set.run(0).path, fold_set.run(2).path, root=workspace)
    with pytest.raises(SpecError, match=r"several runs have no folder of their own for tables; add the folder to"):
        _ = evaluation.folder
    kit.write_evaluation(evaluation, tmp_path)

    assert 60 == len(pd.read_parquet(tmp_path / "out_of_fold.parquet"))


def test_a_folder_with_an_unfinished_run_is_refused(copy: FoldSet) -> None:
    (copy.run(1).path / "result.json").unlink()

    with pytest.raises(RunError, match=r"1 of the 3 runs in .* are not finished, the first of them .*fold-1"):
        kit.predict(copy.path, root=copy.path.parents[1])
    assert isinstance(kit.predict(RunDirectory(copy.run(1).path).path, root=copy.path.parents[1]).score, float)


@pytest.mark.slow
def test_folds_trained_in_parts_are_joined_to_those_of_one_command(
    fold_set: FoldSet, workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "tfrecords").symlink_to((workspace / "tfrecords").resolve())
    for part in ("2/3", "1/3", "2/3"):
        made = kit.train_folds("folded", part=part, settings=SETTINGS, root=tmp_path)
    assert {0, 1} == {*made.finished()}
    assert not made.predictions.exists()
    with locked(made.run(2).path):
        assert {0, 1} == {*kit.train_folds("folded", part="3/3", settings=SETTINGS, root=tmp_path).finished()}

    joined = kit.train_folds("folded", settings=SETTINGS, root=tmp_path)
    assert fold_set.predictions.read_bytes() == joined.predictions.read_bytes()
    assert msgspec.structs.replace(fold_set.result(), seal="") == msgspec.structs.replace(joined.result(), seal="")


def test_a_wrong_part_of_the_folds_is_refused_before_anything_is_trained(folded: Dataset, workspace: Path) -> None:
    with pytest.raises(SpecError, match="part='4/3' counts from 1: give 1/3 to 3/3"):
        kit.train_folds(folded.manifest.name, part="4/3", settings=SETTINGS, root=workspace)
