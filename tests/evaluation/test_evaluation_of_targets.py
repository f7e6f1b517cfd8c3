"""Evaluations of tags, grades and values: what fits the target, by scikit-learn's figures, and nothing else."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from sklearn import metrics as sk

import kit
from kit.datasets.read import read_examples
from kit.errors import RunError, SpecError
from kit.evaluation.chosen_rule import fitted_rule
from kit.evaluation.class_measures import ClassMeasures
from kit.evaluation.evaluate import Evaluation, Predictor
from kit.evaluation.metric_scores import parse_metrics, score_metrics, usual_metrics
from kit.evaluation.registry import measures_of
from kit.inference.out_of_fold import OutOfFold
from kit.inference.predictions import Predictions, average
from kit.metrics import find_metric
from kit.metrics.own import own_metric
from kit.reports.evaluation import evaluation_remarks, evaluation_tables, shown_tables
from kit.runs import RunDirectory
from kit.targets import Decision, Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.made import target_predictions

if TYPE_CHECKING:
    from kit.datasets import Dataset

TAGS = Tags(names=("dark", "light", "other"))
GRADES = Grades(names=("none", "mild", "severe"))
OF_TAGS = {"tags", "tag_pairs", "tags_per_image", "wrong_tags"}
VALUES = Values.of(["count", "size"], ["1 2", "5 9"])


def _evaluate(dataset: Dataset, run: RunDirectory, scores: Predictions) -> Evaluation:
    keys = [example.key for example in read_examples(dataset, "validation")]
    scores = dataclasses.replace(scores, keys=keys)
    target = scores.target
    manifest = msgspec.structs.replace(dataset.manifest, target=target)
    own = find_metric(target.default_metric)
    metrics = score_metrics(scores, usual_metrics(target, own, are_probabilities=scores.are_probabilities))
    return Evaluation(
        predictor=Predictor(path=run.path, weights="best"),
        dataset=dataclasses.replace(dataset, manifest=manifest),
        split="validation",
        measures=measures_of(target)(scores=scores, metrics=metrics),
    )


def _words(page: str) -> str:
    """Take the text of a page, without tags and styles."""
    return re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)


def _written(evaluation: Evaluation, folder: Path) -> tuple[set[str], dict[str, object]]:
    files = kit.write_evaluation(evaluation, folder, html=True)
    return {path.name for path in files}, json.loads((folder / "evaluation.json").read_text())


def test_tags_have_metrics_and_nothing_that_is_of_one_class(tiny: Dataset, run: RunDirectory, tmp_path: Path) -> None:
    scores = target_predictions(TAGS, 36)
    evaluation = _evaluate(tiny, run, scores)
    files, figures = _written(evaluation, tmp_path)
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    values = {row["metric"]: float(row["value"]) for row in rows if row["value"]}
    decided = scores.outputs >= 0.5

    assert files > {
        "metrics.csv",
        "evaluation.json",
        "evaluation.md",
        "evaluation.tex",
        "predictions.csv",
        "report.html",
    }
    assert {f"{name}.csv" for name in OF_TAGS} <= files
    assert {f"{name}.png" for name in OF_TAGS - {"tag_pairs"} | {"cooccurrence_true", "cooccurrence_decided"}} <= files
    assert "micro_f1" == rows[0]["metric"]
    assert values["micro_f1"] == pytest.approx(sk.f1_score(scores.labels, decided, average="micro"))
    assert values["column_auc"] == pytest.approx(sk.roc_auc_score(scores.labels, scores.outputs, average="macro"))
    assert TAGS.usual_metrics == tuple(row["metric"] for row in rows)
    assert values["accuracy"] == pytest.approx(sk.accuracy_score(scores.labels, decided))
    assert list(TAGS.names) == figures["tags"]
    assert not {"classes", "accuracy", "auc", "confusion", "calibration_error", "mislabelled"} & figures.keys()
    wrong = int((scores.labels != decided).any(axis=1).sum())
    assert [f"with a tag missed or too many: {wrong} of 36 images ({wrong / 36:.1%})"] == evaluation_remarks(evaluation)
    assert {"images": wrong, "share": wrong / 36} == figures["with_wrong_tags"]
    assert shown_tables(evaluation) == evaluation_tables(evaluation)


def test_values_have_errors_and_correlations_and_no_accuracy(tiny: Dataset, run: RunDirectory, tmp_path: Path) -> None:
    scores = target_predictions(VALUES, 36)
    evaluation = _evaluate(tiny, run, scores)
    files, figures = _written(evaluation, tmp_path)
    values = {one.name: one.value for one in evaluation.measures.metrics}

    tables = {"value_errors.csv", "errors_by_quantile.csv", "worst_images.csv", "metrics.csv", "predictions.csv"}
    pictures = {"scatter.png", "residuals.png", "worst_images.png"}
    assert {"evaluation.json", "evaluation.md", "evaluation.tex", "report.html", *tables, *pictures} == files
    assert {"rmse", "mae", "r2", "pearson", "spearman"} == values.keys()
    assert values["rmse"] == pytest.approx(np.mean([one["rmse"] for one in figures["errors"]]))
    assert values["rmse"] == pytest.approx(
        np.mean(sk.root_mean_squared_error(scores.labels, scores.outputs, multioutput="raw_values"))
    )
    page = re.sub(r"base64,[^\"]+", "", (tmp_path / "report.html").read_text())
    assert "accuracy" not in page
    assert "AUC" not in page
    assert not {"accuracy", "auc", "threshold", "report"} & figures.keys()


@pytest.mark.parametrize("number", [False, True])
def test_grades_have_a_confusion_matrix_and_curves_where_there_are_probabilities(
    tiny: Dataset, run: RunDirectory, tmp_path: Path, number: bool
) -> None:
    scores = target_predictions(GRADES, 36, number=number)
    evaluation = _evaluate(tiny, run, scores)
    files, figures = _written(evaluation, tmp_path)
    decided = np.clip(np.round(scores.outputs[:, 0]), 0, 2) if number else scores.outputs.argmax(axis=1)
    values = {one.name: one.value for one in evaluation.measures.metrics}

    assert np.array_equal(sk.confusion_matrix(scores.labels, decided), figures["confusion"])
    assert "qwk" == evaluation.measures.metrics[0].name
    assert values["qwk"] == pytest.approx(sk.cohen_kappa_score(scores.labels, decided, weights="quadratic"))
    assert values["mae"] is not None
    assert [*GRADES.usual_metrics] == [*values]
    assert ("roc_curve.csv" in files, "auc" in figures) == (not number,) * 2
    for name in ("confusion_matrix.csv", "classification_report.csv", *(["roc_curve.csv"] if not number else [])):
        assert (tmp_path / name).read_text().startswith("grade,")
    tables = [table.columns[0] for table in evaluation_tables(evaluation)]
    page = (tmp_path / "report.html").read_text()
    assert ["metric", "grade", "grade", "distance", "grade", "rule", "from grade"] == tables
    assert [1] * 7 == [page.count(f"<figcaption>{table.title}<") for table in evaluation_tables(evaluation)]
    assert ("probability of the likeliest grade" in page, bool(re.search(r"\bclass(es)?\b", _words(page)))) == (
        not number,
        False,
    )
    assert {"confusion_matrix.png", "misclassified.png", "metrics.csv"} <= files
    assert {"distances.csv", "expected_grades.csv", "decision_rules.csv", "cut_offs.csv"} <= files
    assert {"expected_grades.png", "cut_offs.png"} <= files
    assert figures["distances"]["mean"] == pytest.approx(np.abs(decided - scores.labels).mean())
    assert values["qwk"] == pytest.approx(figures["cut_offs"]["rules"][0]["score"])
    assert int((decided != scores.labels).sum()) == len(evaluation.measures.mistakes)
    first = evaluation.measures.mistakes[0]
    apart = np.abs((scores.outputs[:, 0] if number else decided) - scores.labels)
    assert apart[first] == pytest.approx(apart[decided != scores.labels].max())


def test_a_rule_for_decisions_reaches_figures_mistakes_and_metrics(tiny: Dataset, run: RunDirectory) -> None:
    scores = target_predictions(GRADES, 36, number=True)
    evaluation = _evaluate(tiny, run, scores.decided_by(Decision(thresholds=(1.0, 2.0))))
    decided = np.searchsorted((1.0, 2.0), scores.outputs[:, 0], side="right")

    assert np.array_equal(sk.confusion_matrix(scores.labels, decided), evaluation.measures.confusion)
    assert {one.name: one.value for one in evaluation.measures.metrics}["qwk"] == pytest.approx(
        sk.cohen_kappa_score(scores.labels, decided, weights="quadratic")
    )
    with pytest.raises(SpecError, match="decide needs 2 thresholds for 3 grades, got 1"):
        scores.decided_by(Decision(thresholds=(1.0,)))


def test_columns_without_a_value_are_named_beside_their_metric(tiny: Dataset, run: RunDirectory) -> None:
    scores = target_predictions(TAGS, 36)
    scores.labels[:, 2] = 0
    evaluation = _evaluate(tiny, run, scores)
    table = evaluation_tables(evaluation)[0]
    cells = {row[0]: row for row in table.rows}

    assert ("metric", "value", "better", "judges", "left out") == table.columns
    assert "other (1)" == cells["column_auc"][4]
    assert cells["column_auc"][1] == f"{sk.roc_auc_score(scores.labels[:, :2], scores.outputs[:, :2]):.4f}"


def test_a_fitted_rule_says_what_it_was_fitted_on_and_what_crossing_comes_to() -> None:
    scores = target_predictions(TAGS, 60)
    decided = fitted_rule(OutOfFold(np.arange(60, dtype=np.int32) % 3, scores), find_metric("micro_f1"))
    fitted = sk.f1_score(scores.labels, TAGS.decide(scores.outputs, decided.rule), average="micro")

    assert ("micro_f1", "out-of-fold", 60) == (decided.metric, decided.fitted_on, decided.images)
    assert decided.crossed is not None
    assert decided.crossed <= fitted
    assert fitted >= sk.f1_score(scores.labels, scores.outputs >= 0.5, average="micro")


def test_folds_are_measured_by_the_datasets_metric() -> None:
    scores, folds = target_predictions(VALUES, 40), np.arange(40, dtype=np.int32) % 2
    result = OutOfFold(folds, scores).result()
    each = [
        np.mean(
            sk.root_mean_squared_error(
                scores.labels[folds == fold], scores.outputs[folds == fold], multioutput="raw_values"
            )
        )
        for fold in (0, 1)
    ]

    assert "rmse" == result.metric
    assert each == pytest.approx([result.folds[fold].score for fold in (0, 1)])
    assert result.score is not None
    assert np.std(each, ddof=1) == pytest.approx(result.score.sd)
    assert (None, None, None) == (result.accuracy, result.loss, result.auc)
    classes = target_predictions(Classes(names=("a", "b")), 40)
    assert OutOfFold(folds, classes).result().metric is msgspec.UNSET
    assert "f1" == OutOfFold(folds, classes).result(find_metric("f1")).metric


def test_metrics_that_do_not_fit_are_refused_before_anything_is_predicted(run: RunDirectory, workspace: Path) -> None:
    for metric, message in {
        "rmse": "metric rmse does not fit: it judges grades, values; this dataset's target is classes",
        "nothing": "metric 'nothing'",
        "f1,f1": "metric names one twice: f1, f1",
        "": "metric names none",
    }.items():
        with pytest.raises(SpecError, match=message):
            kit.evaluate(run.path, metric=metric, root=workspace)
    with pytest.raises(SpecError, match="metric auc judges probabilities, which no rule for decisions changes"):
        kit.evaluate(run.path, metric="auc", decide="best", root=workspace)


def test_named_metrics_and_a_rule_are_of_the_predictions_that_are_kept(
    run: RunDirectory, workspace: Path, tmp_path: Path
) -> None:
    own = tmp_path / "score.py"
    own.write_text("def hits(truth, decided):\n    return float((truth == decided).mean())\n")
    evaluation = kit.evaluate(run.path, metric=f"f1,{own}:hits", decide="0.9", root=workspace)
    truth = evaluation.scores.labels
    decided = (evaluation.scores.outputs[:, 1] >= 0.9).astype(int)

    assert [sk.f1_score(truth, decided), sk.accuracy_score(truth, decided)] == pytest.approx(
        [one.value for one in evaluation.measures.metrics]
    )
    assert sk.accuracy_score(truth, decided) == pytest.approx(evaluation.accuracy)
    best = kit.evaluate(run.path, metric="f1", decide="best", root=workspace)
    assert best.measures.decided is not None
    assert best.measures.decided.crossed is None
    assert best.measures.metrics[0].value >= sk.f1_score(truth, evaluation.scores.outputs[:, 1] > 0.5)
    assert "decided by" in evaluation_remarks(best)[1]


def test_metrics_are_names_functions_or_several_of_them() -> None:
    def own(truth: np.ndarray, decided: np.ndarray) -> float:
        return float((truth == decided).mean())

    assert [] == parse_metrics(None)
    assert ["qwk", "mae"] == [metric.name for metric in parse_metrics("qwk, mae")]
    assert ["own", "mae"] == [metric.name for metric in parse_metrics([own, "mae"])]
    assert ["own"] == [metric.name for metric in parse_metrics(own)]


def test_numbers_and_probabilities_of_grades_are_not_averaged() -> None:
    parts = [target_predictions(GRADES, 8, number=number) for number in (False, True)]

    with pytest.raises(RunError, match="runs with head value predict a number"):
        average(parts)


@pytest.mark.parametrize("target", [Classes(names=("a", "b", "c")), GRADES, TAGS, VALUES])
def test_metrics_shown_are_the_datasets_and_the_usual_ones_each_once(target: Target) -> None:
    def half(truth: np.ndarray, decided: np.ndarray) -> float:
        return 0.5 * len(truth) / len(decided)

    scores = target_predictions(target, 60)
    for own in (
        find_metric(target.default_metric),
        find_metric(target.usual_metrics[-1]),
        own_metric(half),
    ):
        shown = usual_metrics(target, own, are_probabilities=scores.are_probabilities)
        values = [one.value for one in score_metrics(scores, shown)]

        assert own == shown[0]
        assert [own.name, *(name for name in target.usual_metrics if name != own.name)] == [one.name for one in shown]
        assert None not in values


def test_metrics_of_probabilities_are_not_shown_for_numbers_of_grades() -> None:
    shown = usual_metrics(GRADES, find_metric("qwk"), are_probabilities=False)

    assert {"decisions", "numbers"} == {metric.judges for metric in shown}


def test_calibration_is_of_the_likeliest_grade_whatever_rule_decides() -> None:
    scores = target_predictions(GRADES, 200)
    decided = scores.decided_by(Decision(thresholds=(0.1, 0.2)))
    measures = [ClassMeasures(scores=one) for one in (scores, decided)]
    hits = scores.outputs.argmax(axis=1) == scores.labels
    edges = np.digitize(scores.outputs.max(axis=1), np.linspace(0, 1, 11)[1:-1], right=True)
    gaps = [
        here.sum() * abs(hits[here].mean() - scores.outputs[here].max(axis=1).mean())
        for here in (edges == place for place in np.unique(edges))
    ]

    assert measures[0].accuracy > measures[1].accuracy
    assert [pytest.approx(sum(gaps) / 200, abs=1e-6)] * 2 == [one.calibration.error for one in measures]
