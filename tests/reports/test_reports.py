from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sklearn import metrics
from trained import write_images

import kit
from kit.cli import console
from kit.cli.console import _fitting
from kit.comparison.trajectory import Trajectory
from kit.datasets.read import read_examples
from kit.errors import RunError, ShardError, SpecError
from kit.evaluation.calibration import BINS, calibrate
from kit.evaluation.class_measures import ClassMeasures
from kit.evaluation.evaluate import Evaluation, Predictor
from kit.evaluation.measures import Focus
from kit.evaluation.roc import Curve, ranking_curves
from kit.evaluation.threshold import Goal, Wanted, best_threshold, find_threshold, parse_threshold
from kit.inference.predictions import Predictions
from kit.metrics.auc import area_under_roc
from kit.reports import matrix, roc, training_curves
from kit.reports.calibration import calibration_table
from kit.reports.dataset import dataset_tables, describe_images, remarks
from kit.reports.evaluation import evaluation_remarks, evaluation_tables, shown_tables
from kit.reports.evaluations import classes as of_classes
from kit.reports.evaluations import report_of
from kit.reports.figure import line_style, png
from kit.reports.mistakes import _caption, describe_count, mistakes_table, plot_mistakes
from kit.reports.split_metrics import mean_and_sd
from kit.reports.table import Table
from kit.reports.tiles import wrapped
from kit.reports.verdicts import figure_table, verdict_table
from kit.runs import RunDirectory
from kit.runs.mean_and_sd import MeanAndSD
from kit.specs import ModelSpec, RunSpec
from kit.targets.classes import Classes
from tests.made import class_predictions, count_colours

if TYPE_CHECKING:
    from kit.datasets import Dataset


def random_scores(images: int, classes: int, *, broken: int = 0) -> Predictions:
    """Predictions that are right more often than not; the first `broken` are no numbers."""
    generator = np.random.default_rng(images + classes)
    labels = generator.integers(0, classes, images).astype(np.int32)
    weights = generator.uniform(0.01, 1, (images, classes)) + np.eye(classes)[labels] * 0.5
    probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    probabilities[:broken] = np.nan
    return class_predictions([f"image-{number}" for number in range(images)], labels, probabilities)


def synthetic(
    dataset: Dataset,
    classes: tuple[str, ...],
    *,
    images: int,
    run: Path = Path("runs/none"),
    broken: int = 0,
    wanted: float | None = None,
) -> Evaluation:
    """Evaluate random predictions; as many as the validation split has get its keys, so that they can be drawn."""
    scores = dataclasses.replace(random_scores(images, len(classes), broken=broken), target=Classes(names=classes))
    keys = [example.key for example in read_examples(dataset, "validation")]
    if images == len(keys):
        scores = dataclasses.replace(scores, keys=keys)
    manifest = msgspec.structs.replace(dataset.manifest, target=Classes(names=classes))
    return Evaluation(
        predictor=Predictor(path=run, weights="best"),
        dataset=dataclasses.replace(dataset, manifest=manifest),
        split="validation",
        measures=ClassMeasures(scores=scores, focus=Focus(1 if len(classes) == 2 else None, wanted)),
    )


def colours(path: Path) -> int:
    """Distinct colours of a picture; an empty one has one or two."""
    return count_colours(cv2.imread(str(path)))


def test_tables_become_markdown_and_csv() -> None:
    table = Table("", ("arm", "x"), (("a=1,\nb=2", "0.5\n± 0.1"), ("c|d", "—")))

    assert "| arm | x |\n| --- | ---: |\n| a=1,b=2 | 0.5 ± 0.1 |\n| c\\|d | — |\n" == table.markdown()
    assert [["arm", "x"], ["a=1,\nb=2", "0.5\n± 0.1"], ["c|d", "—"]] == list(
        csv.reader(table.csv().splitlines(keepends=True))
    )


def test_a_comparison_leaves_out_what_no_run_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_text('{"accuracy": [0.5, 0.75], "val_accuracy": [0.5, 0.25], "loss": [1, 0.5], "val_loss": [1, 2]}')
    comparison = kit.compare(path)
    verdicts, others = verdict_table(comparison), figure_table(comparison)

    assert ("arm", "n", "last\nepoch", "best\nepoch", "verdict") == verdicts.columns
    assert (("history", "1", "0.2500", "0.5000", "baseline"),) == verdicts.rows
    assert ("arm", "accuracy", "loss", "val loss", "gap", "vola-\ntility") == others.columns
    assert (("history", "0.7500", "0.5000", "2.0000", "0.5000", "0.2500"),) == others.rows


def test_curves_of_an_arm_show_the_compared_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.json"
    path.write_text(
        '{"accuracy": [0, 1], "val_accuracy": [0, 1], "loss": [1, 0], "val_loss": [1, 2], '
        '"rmse": [2, 1], "val_rmse": [3, 4]}'
    )
    figures: list[Any] = []
    monkeypatch.setattr(training_curves, "png", lambda figure: figures.append(figure) or png(figure))
    training_curves.plot_arm(kit.compare(path, metric="val_rmse"), "history")
    labels = [axes.get_ylabel() for axes in figures[0].axes]

    assert ["accuracy (share of images)", "loss (mean)", "rmse", ""] == labels


def test_a_comparison_is_written_with_full_precision_and_a_picture_an_arm(run: RunDirectory, tmp_path: Path) -> None:
    comparison = kit.compare(run.path)
    table, text, tex, together, alone = kit.write_comparison(comparison, tmp_path / "out")
    (row,) = csv.DictReader(table.read_text().splitlines())

    assert run.result().final["val_accuracy"] == float(row["val_accuracy_mean"])
    assert "" == row["val_accuracy_sd"]
    assert str(run.result().parameters) == row["parameters"]
    assert text.read_text().startswith("**val_accuracy, mean ± sd over n runs; base rate 0.5000**\n\n| arm | n |")
    assert tex.read_text().startswith("% needs \\usepackage{booktabs}\n% val_accuracy,")
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


def test_many_classes_of_a_dataset_have_a_row_each_and_the_manifest_has_all(tiny: Dataset) -> None:
    names = tuple(f"whale {number:05d}" for number in range(15_000))
    sizes = {name: 2 + 3 * (number == 7_000) for number, name in enumerate(names)}
    counts = {"train": sizes, "validation": dict.fromkeys(names[:9_000], 1), "test": {"unlabelled": 10}}
    folds = {0: dict.fromkeys(names, 1), 1: sizes}
    shards = tuple(msgspec.structs.replace(shard, fold=index % 2) for index, shard in enumerate(tiny.manifest.shards))
    made = msgspec.structs.replace(
        tiny.manifest, target=Classes(names=names), counts=counts, folds=folds, shards=shards
    )
    images, by_fold, _ = dataset_tables(dataclasses.replace(tiny, manifest=made))

    assert ("class", "train", "validation", "test", "all", "share of\nlabelled") == images.columns
    assert "images: classes with most images first; manifest.json has all" == images.title
    assert ("whale 07000", "5", "1", "—", "6") == images.rows[0][:5]
    assert "… and 14,981 more" == images.rows[15][0]
    assert ["unlabelled", "all"] == [row[0] for row in images.rows[-2:]]
    assert ("all", "84", "36", "10", "130", "—") == images.rows[-1]
    assert [22, 22] == [len(table.rows) for table in (images, by_fold)]
    assert ("class", "fold 0", "fold 1", "all", "share of\nlabelled") == by_fold.columns


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
        "not stored: 1 .txt left out by ending; see rejects.csv",
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
    assert np.array_equal(metrics.confusion_matrix(truth, [p > 0.5 for p in light]), evaluation.measures.confusion)
    assert math.isclose(run.result().best["val_accuracy"], evaluation.accuracy, abs_tol=1e-6)
    assert 36 == evaluation.measures.report["macro avg"]["support"]


def test_an_evaluation_is_written_as_tables_and_pictures(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    evaluation = kit.evaluate(run.path, weights="last", recall=0.9, root=workspace)
    files = kit.write_evaluation(evaluation, tmp_path)
    texts = {path.name: path.read_text().splitlines() for path in files if path.suffix == ".csv"}
    figures = json.loads((tmp_path / "evaluation.json").read_text())

    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files} | {"seal.json"}
    assert "class,dark,light" == texts["confusion_matrix.csv"][0] == texts["confusion_matrix_shares.csv"][0]
    assert "class,precision,recall,f1-score,support" == texts["classification_report.csv"][0]
    assert 1 + len(evaluation.measures.mistakes) == len(texts["misclassified.csv"])
    assert "class,threshold,false positive rate,recall" == texts["roc_curve.csv"][0]
    assert "class,threshold,recall,precision" == texts["precision_recall_curve.csv"][0]
    assert 1 + BINS == len(texts["calibration.csv"])
    assert 6 == len([path for path in files if path.suffix == ".png" and colours(path) > 10])
    assert figures["threshold"]["recall"] >= 0.9
    assert figures["accuracy"] == evaluation.accuracy


def test_predictions_hold_every_digit(run: RunDirectory, workspace: Path, tmp_path: Path) -> None:
    evaluation = kit.evaluate(run.path, root=workspace)
    kit.write_evaluation(evaluation, tmp_path)
    rows = list(csv.DictReader((tmp_path / "predictions.csv").read_text().splitlines()))

    assert evaluation.scores.keys == [row["id"] for row in rows]
    assert np.array_equal(evaluation.scores.probabilities[:, 1], np.float32([row["light"] for row in rows]))


def test_three_classes_are_measured_each_against_the_rest(tiny: Dataset) -> None:
    evaluation = synthetic(tiny, ("a", "b", "c"), images=200)
    labels, probabilities = evaluation.scores.labels, evaluation.scores.probabilities

    assert ["a", "b", "c"] == [curve.name for curve in evaluation.measures.curves("ROC")]
    assert math.isclose(metrics.roc_auc_score(labels, probabilities, multi_class="ovr"), evaluation.auc, abs_tol=1e-6)
    for place, curve in enumerate(evaluation.measures.curves("precision-recall")):
        expected = metrics.average_precision_score(labels == place, probabilities[:, place])

        assert math.isclose(expected, curve.area, abs_tol=1e-9)
    assert "probability of the likeliest class" == evaluation.measures.calibration.of
    assert np.allclose(1, evaluation.measures.confusion_shares.sum(axis=1))


def test_a_diverged_run_is_reported_and_said_so(tiny: Dataset, run: RunDirectory, tmp_path: Path) -> None:
    evaluation = synthetic(tiny, tiny.manifest.classes, images=36, run=run.path, broken=36, wanted=0.9)
    files = kit.write_evaluation(evaluation, tmp_path, html=True)
    *_, threshold, warning = evaluation_remarks(evaluation)

    assert 0 == evaluation.accuracy
    assert evaluation.auc is None
    assert "no threshold reaches recall 0.9 of class light: its outputs are not numbers" == threshold
    assert warning.startswith("warning: 36 of 36 outputs are not numbers: the training diverged")
    assert json.loads((tmp_path / "evaluation.json").read_text())["loss"] is None
    assert (tmp_path / "report.html") in files


def test_many_classes_are_summed_up_on_the_screen_and_whole_in_the_files(tiny: Dataset, tmp_path: Path) -> None:
    classes = tuple(f"class {number:02d}" for number in range(21))
    evaluation = synthetic(tiny, classes, images=36)
    files = {
        path.name: path.read_text() for path in kit.write_evaluation(evaluation, tmp_path) if path.suffix == ".csv"
    }
    labels, predicted = (np.array(classes)[of] for of in (evaluation.scores.labels, evaluation.scores.predicted))
    wrong = pd.DataFrame({"true": labels, "predicted": predicted})[labels != predicted].value_counts()
    support = pd.Series(labels).value_counts()
    pairs, report = shown_tables(evaluation)
    f1 = metrics.f1_score(labels, predicted, labels=np.unique(labels), average=None, zero_division=0.0)

    assert len(wrong) > 10
    assert wrong.head(10).tolist() == [int(row[2]) for row in pairs.rows]
    assert all(int(row[2]) == wrong[row[0], row[1]] and int(row[3]) == support[row[0]] for row in pairs.rows)
    assert f"the 10 most confused of {len(wrong)} pairs" in pairs.title
    assert np.allclose(np.sort(f1)[:10], [float(row[3]) for row in report.rows[:10]], atol=1e-4)
    assert ["macro avg", "weighted avg"] == [row[0] for row in report.rows[10:]]
    assert [22, 24] == [files[name].count("\n") for name in ("confusion_matrix.csv", "classification_report.csv")]
    assert len(wrong) + 1 == files["confused_pairs.csv"].count("\n")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Matrices that a report of classes draws, which is all that it draws."""
    matrices: list[tuple[Any, ...]] = []
    for name in ("plot_ranking", "plot_calibration", "plot_mistakes"):
        monkeypatch.setattr(of_classes, name, lambda *_: b"")
    monkeypatch.setattr(of_classes, "plot_matrix", lambda *given, **_: matrices.append(given) or b"")
    return matrices


@pytest.mark.parametrize("count", [45, 1001])
def test_pictures_of_many_classes_show_the_worst(tiny: Dataset, drawn: list[tuple[Any, ...]], count: int) -> None:
    evaluation = synthetic(tiny, tuple(f"class {number:04d}" for number in range(count)), images=36)
    pictures = report_of(evaluation).pictures()
    (values, _, rows, _), (_, cells, names, _) = drawn
    truth, predicted = evaluation.scores.labels, evaluation.scores.predicted
    classes = np.array(evaluation.measures.classes)
    joint = pd.crosstab(classes[truth], classes[predicted]).reindex(index=names, columns=names, fill_value=0)

    assert {"confusion_matrix.png", "classification_report.png", "misclassified.png"} <= pictures.keys()
    assert 18 < len(names) <= 20
    assert [[str(value) if value else "" for value in row] for row in joint.to_numpy().tolist()] == cells
    assert len(set(truth)) + 2 == len(rows) == len(values) or 30 == len(rows)
    assert rows[-1].startswith("weighted avg")


def test_many_classes_that_are_all_right_have_no_picture_of_confusion(
    tiny: Dataset, drawn: list[tuple[Any, ...]]
) -> None:
    names = tuple(f"class {number:02d}" for number in range(31))
    evaluation = synthetic(tiny, names, images=36)
    right = dataclasses.replace(evaluation.scores, labels=evaluation.scores.predicted.astype(np.int32))
    report = report_of(dataclasses.replace(evaluation, measures=ClassMeasures(scores=right)))

    assert "confusion_matrix.png" not in report.pictures()
    assert 1 == len(drawn)
    assert "the 0 most confused of 0 pairs" in report.screen()[0].title


def test_twenty_classes_are_shown_as_a_matrix(tiny: Dataset) -> None:
    evaluation = synthetic(tiny, tuple(f"class {number:02d}" for number in range(20)), images=40)

    assert evaluation_tables(evaluation) == shown_tables(evaluation)


def test_names_in_a_gallery_are_wrapped_not_cut() -> None:
    name = "Rhododendron_x_Russellianum"
    caption = _caption(name, name, "0.75")

    assert ["true", name, "predicted", name, "(0.7500)"] == wrapped(caption, 30).splitlines()


def test_outputs_that_are_no_numbers_count_as_mislabelled_and_come_last(tiny: Dataset) -> None:
    evaluation = synthetic(tiny, ("a", "b", "c"), images=50, broken=5)
    numbers = evaluation.scores.are_numbers

    assert 45 == evaluation.measures.confusion.sum()
    assert set(range(5)) == set(evaluation.measures.mistakes[-5:])
    assert math.isclose(
        (evaluation.scores.predicted[numbers] == evaluation.scores.labels[numbers]).sum() / 50, evaluation.accuracy
    )


def test_mistakes_are_listed_with_the_most_confident_first(tiny: Dataset) -> None:
    evaluation = synthetic(tiny, ("a", "b", "c"), images=300)
    table = mistakes_table(evaluation.scores, evaluation.measures.mistakes, evaluation.measures.classes)
    shares = [float(row[3]) for row in table.rows]

    assert sorted(shares, reverse=True) == shares
    assert all(label != predicted for _, label, predicted, _ in table.rows)
    assert len(table.rows) == sum(evaluation.scores.mislabelled)
    assert f"the first 40 of {len(table.rows)} misclassified of 300 images" in describe_count(table, 300)


def test_the_gallery_shows_images_by_their_keys(tiny: Dataset) -> None:
    stored = {example.key: example.pixels for example in read_examples(tiny, "validation")}
    keys = sorted(stored)[3:6]
    found = {example.key: example.pixels for example in read_examples(tiny, "validation", keys)}
    rows = tuple((key, "dark", "light", "0.75") for key in keys)
    image = cv2.imdecode(
        np.frombuffer(plot_mistakes(tiny, ["validation"], table_of(rows), "title"), np.uint8), cv2.IMREAD_COLOR
    )

    assert set(keys) == found.keys()
    assert all(np.array_equal(stored[key], found[key]) for key in keys)
    for key in keys:  # noise: no other image has these colours
        colour = stored[key][0, 0, ::-1]

        assert (image == colour).all(axis=2).sum() > 20


def table_of(rows: tuple[tuple[str, ...], ...]) -> Table:
    return Table("", ("id", "label", "predicted", "probability"), rows)


@pytest.fixture
def three(tmp_path: Path) -> RunDirectory:
    """A run of three classes that nobody has trained."""
    write_images(tmp_path / "images", 30, ("a", "b", "c"))
    dataset = kit.shard(tmp_path / "images", name="three", root=tmp_path, workers=1)
    run = RunDirectory(tmp_path / "runs" / "three")
    run.claim(RunSpec(dataset="three", fingerprint=dataset.manifest.fingerprint, arm="base"))
    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recall": 0.9}, r"recall= needs positive= where there are more than two: one of a, b, c"),
        ({"recall": 0.9, "positive": "d"}, r"unknown class 'd'"),
        ({"recall": 1.5}, r"recall must be above 0 and at most 1, got 1.5"),
        ({"recall": math.nan}, r"recall must be above 0 and at most 1, got nan"),
    ],
)
def test_a_threshold_of_nobody_knows_what_is_refused(
    three: RunDirectory, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        kit.evaluate(three.path, root=tmp_path, **options)


PROBABILITIES = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1, width=32) | st.just(math.nan)), min_size=1, max_size=40
)


@given(PROBABILITIES, st.floats(0.01, 1))
def test_the_threshold_is_the_highest_that_reaches_the_recall(pairs: list[tuple[bool, float]], wanted: float) -> None:
    truth = np.array([true for true, _ in pairs])
    probabilities = np.float32([value for _, value in pairs])
    found = find_threshold(truth, probabilities, wanted, "ill")
    with np.errstate(invalid="ignore"):
        reaching = [at for at in probabilities if truth.any() and (probabilities[truth] >= at).mean() >= wanted]

    if not reaching:
        assert found is None
        return
    assert found is not None
    written = np.float32([f"{value:.9g}" for value in probabilities]).astype(float)  # as predictions.csv has them
    flagged = np.array([float(f"{value:.9g}") for value in probabilities]) >= float(f"{found.threshold:.9g}")
    assert np.array_equal(written >= np.float32(max(reaching)), flagged)
    assert (probabilities[truth] >= max(reaching)).mean() == found.recall >= wanted
    assert truth[flagged].mean() == found.precision
    assert flagged.mean() == found.flagged
    assert found.specificity == (None if truth.all() else (~flagged)[~truth].mean())


@given(PROBABILITIES, st.sampled_from(["best-f1", "best-accuracy"]))
def test_the_best_threshold_is_the_highest_of_the_best(pairs: list[tuple[bool, float]], goal: Goal) -> None:
    truth = np.array([true for true, _ in pairs])
    probabilities = np.float32([value for _, value in pairs])
    found = best_threshold(truth, probabilities, goal, "ill")
    measure = metrics.f1_score if goal == "best-f1" else metrics.accuracy_score
    values = {float(at): measure(truth, probabilities >= at) for at in probabilities if not math.isnan(at)}

    if not truth.any() or not values:
        assert found is None
        return
    assert found is not None
    best = max(values.values())
    assert math.isclose(best, found.f1 if goal == "best-f1" else found.accuracy)
    assert max(at for at, value in values.items() if math.isclose(value, best)) == np.float32(found.threshold)
    assert f"{'F1' if goal == 'best-f1' else 'accuracy'} {best:.4f} (the best), recall" in str(found)


def test_choosing_on_noise_does_not_look_better_than_noise() -> None:
    draws = np.random.default_rng(0)
    chosen, crossed = [], []
    for _ in range(200):
        truth, chances, folds = draws.random(30) < 0.5, np.float32(draws.random(30)), np.int32(np.arange(30) % 5)
        found = best_threshold(truth, chances, "best-accuracy", "ill")
        accuracy = Wanted("best-accuracy").crossed_accuracy(truth, chances, folds)
        assert found is not None
        assert accuracy is not None
        chosen.append(found.accuracy)
        crossed.append(accuracy)

    assert np.mean(chosen) > 0.6
    assert 0.42 < np.mean(crossed) < 0.52
    assert Wanted("best-accuracy").crossed_accuracy(truth, chances, np.zeros(30, np.int32)) is None
    assert Wanted("best-f1").crossed_accuracy(folds == 0, chances, folds) is None  # the others of fold 0 have none


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (0.5, 0.5),
        ("0.25", 0.25),
        (1, 1.0),
        (None, None),
        ("best-f1", Wanted("best-f1")),
        ("best-accuracy", Wanted("best-accuracy")),
        ("recall:0.95", Wanted("recall", 0.95)),
    ],
)
def test_thresholds_are_numbers_or_goals(asked: str | float | None, wanted: float | Wanted | None) -> None:
    assert wanted == parse_threshold(asked)


@pytest.mark.parametrize("asked", ["best", "recall", "recall:", "recall:0", "recall:1.5", "f1:0.5", "nan", "-0.1", 1.5])
def test_other_thresholds_are_refused(asked: str | float) -> None:
    with pytest.raises(SpecError, match=r"threshold"):
        parse_threshold(asked)


@given(PROBABILITIES)
def test_calibration_counts_every_image_and_weighs_bins_by_them(pairs: list[tuple[bool, float]]) -> None:
    truth = np.array([true for true, value in pairs if not math.isnan(value)], bool)
    probabilities = np.float32([value for _, value in pairs if not math.isnan(value)])
    found = calibrate("light", truth, probabilities)
    bins = np.clip(np.ceil(probabilities.astype(float) * BINS) - 1, 0, None)
    error = sum(abs(truth[bins == one].sum() - probabilities[bins == one].sum(dtype=float)) for one in set(bins))

    assert len(truth) == found.images.sum()
    assert BINS == len(calibration_table(found).rows)
    assert found.error is None if len(truth) == 0 else math.isclose(error / len(truth), found.error, abs_tol=1e-6)


def test_scores_are_what_scikit_learn_says() -> None:
    scores = random_scores(300, 4)

    assert math.isclose(metrics.log_loss(scores.labels, scores.probabilities), scores.loss, abs_tol=1e-6)
    assert math.isclose(metrics.recall_score(scores.labels, scores.predicted, average="macro"), scores.recall)
    two = random_scores(300, 2)
    assert math.isclose(metrics.recall_score(two.labels, two.predicted), two.recall)
    assert math.isclose(metrics.accuracy_score(two.labels, two.predicted), two.accuracy)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=40))
def test_an_area_under_the_curve_is_the_share_of_pairs_in_order_to_the_last_bit_wherever_it_is_given(
    drawn: list[tuple[bool, int]],
) -> None:
    truth = np.array([true for true, _ in drawn])
    light = np.float32([value / 10 for _, value in drawn])
    found, others = light[truth], light[~truth]
    scores = class_predictions([""] * len(drawn), truth.astype(np.int32), np.stack([1 - light, light], axis=1))
    if not len(found) or not len(others):
        assert scores.auc is None
        assert math.isnan(area_under_roc(truth, light))
        return
    won = Fraction(int(sum((one > others).sum() for one in found))) + Fraction(
        int(sum((one == others).sum() for one in found)), 2
    )
    share = float(won / (len(found) * len(others)))
    (curve,) = ranking_curves("ROC", scores, ("dark", "light"), [1])

    assert share == area_under_roc(truth, light) == scores.auc == curve.area
    assert [share, share] == area_under_roc(np.stack([truth] * 2), np.stack([light] * 2)).tolist()
    assert math.isclose(metrics.roc_auc_score(truth, light), share, abs_tol=1e-12)


@given(st.integers(0, 500))
def test_lines_differ_without_their_colour(number: int) -> None:
    styles = [line_style(other, 20) for other in range(number - number % 32, number - number % 32 + 32)]

    assert 32 == len({(style["linestyle"], style["marker"]) for style in styles})
    assert 32 == len({(style["color"], style["linestyle"]) for style in styles})


def test_no_two_lines_of_a_picture_are_of_one_colour() -> None:
    most = max(training_curves.ARMS, roc.MOST)

    assert most == len({line_style(number, 20)["color"] for number in range(most)})


def test_evaluations_of_other_weights_or_splits_lie_apart(run: RunDirectory, workspace: Path) -> None:
    best, last = (kit.evaluate(run.path, weights=weights, root=workspace) for weights in ("best", "last"))

    assert run.path / "evaluation-validation-best" == best.folder
    assert run.path / "evaluation-validation-last" == last.folder
    assert "validation, last weights" in evaluation_tables(last)[0].title


def test_an_unlabelled_or_unknown_split_cannot_be_evaluated(run: RunDirectory, workspace: Path) -> None:
    with pytest.raises(ShardError, match=r"split 'test' of tiny has no labels"):
        kit.evaluate(run.path, split="test", root=workspace)
    with pytest.raises(ShardError, match=r"unknown split 'valid'; did you mean 'validation'"):
        kit.evaluate(run.path, split="valid", root=workspace)


def test_an_unknown_run_cannot_be_evaluated(workspace: Path) -> None:
    with pytest.raises(RunError, match=r"unknown run 'nothing'"):
        kit.evaluate("nothing", root=workspace)


@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=10), st.sets(st.integers(1, 9), max_size=2), st.integers(30, 160)
)
def test_columns_that_matter_stand_in_the_first_table(widths: list[int], kept: set[int], width: int) -> None:
    names = tuple(f"{place}".ljust(size, "x") for place, size in enumerate(widths))
    wanted = [place for place in sorted(kept) if place < len(widths)]
    parts = _fitting(Table("", names, (), tuple(names[place] for place in wanted)), width)
    taken = [sum(len(names[place]) + 3 for place in part) + 2 for part in parts]
    needed = sum(len(names[place]) + 3 for place in (0, *wanted)) + 2

    assert list(range(1, len(widths))) == sorted(place for part in parts for place in part if place)
    assert all(part[0] == 0 and part == sorted(part) for part in parts)
    assert all(size <= width or len(part) == 2 for size, part in zip(taken, parts, strict=True))
    if needed <= width:
        assert set(wanted) <= set(parts[0])


@pytest.mark.parametrize(("l2", "label"), [(0.0, "loss (mean)"), (0.01, "loss (mean, with weight penalties)")])
def test_a_loss_has_weight_penalties_only_where_there_are_some(l2: float, label: str) -> None:
    spec = RunSpec(dataset="d", fingerprint="f", arm="a", seed=0, model=ModelSpec(dense_l2=l2))
    runs = [Trajectory(arm="a", metrics={"loss": [1.0]}, spec=spec)]

    assert label == training_curves.axis_label("loss", runs)
    assert "loss (mean)" == training_curves.axis_label("loss", [Trajectory(arm="a", metrics={"loss": [1.0]})])


def test_images_of_one_run_are_counted_whole() -> None:
    assert ["60", "60.5", "60.0\n± 1.0", "60.0000"] == [
        mean_and_sd(MeanAndSD(60.0, None), 1),
        mean_and_sd(MeanAndSD(60.5, None), 1),
        mean_and_sd(MeanAndSD(60.0, 1.0), 1),
        mean_and_sd(MeanAndSD(60.0, None), 4),
    ]


LONG = ("Corn_(maize)___Cercospora_leaf_spot Gray_leaf_spot", "Orange___Haunglongbing_(Citrus_greening)", "x" * 70, "y")


@pytest.mark.parametrize("count", [2, 4, 12])
def test_names_are_not_cut_by_the_edge_of_a_picture(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{LONG[number % 4]}{number}" for number in range(count)]
    x = np.linspace(0, 1, 5)
    curve = Curve(name="", images=1, thresholds=x, x=x, y=x, area=0.5)
    figures: list[Any] = []
    for module in (matrix, roc):
        monkeypatch.setattr(module, "png", lambda figure: figures.append(figure) or png(figure))
    matrix.plot_matrix(np.eye(count), [["1"] * count] * count, names, names, title="title")
    matrix.plot_matrix(
        np.eye(count)[:, :2], [["1"] * 2] * count, [f"{n}\nn = 1" for n in names], ("recall", "f1"), title="t"
    )
    roc.plot_ranking("ROC", [dataclasses.replace(curve, name=name) for name in names], "title", None)

    assert 3 == len(figures)
    for figure in figures:
        axes, legends = figure.axes[0], [text for legend in figure.legends for text in legend.get_texts()]
        texts = legends or [*axes.get_xticklabels(), *axes.get_yticklabels()]
        boxes = np.array([text.get_window_extent().get_points() for text in texts if text.get_text()])

        assert (boxes >= 0).all()
        assert (boxes <= figure.bbox.get_points()[1]).all()


@pytest.mark.parametrize(
    ("is_terminal", "title"), [(True, "the 10 most\nconfused pairs"), (False, "the 10 most confused pairs")]
)
def test_titles_break_between_words_on_a_terminal_only(
    is_terminal: bool, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.StringIO()
    screen = Console(file=text, width=16, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr(console, "_stdout", lambda: screen)
    console.print_tables([Table("the 10 most confused pairs", ("a", "b"), ())])

    assert text.getvalue().replace(" \n", "\n").startswith(f"{title}\n")
