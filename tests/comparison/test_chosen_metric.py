"""Comparisons by any metric: of histories, or computed from stored predictions, with base rates by scikit-learn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from made import Made, predict, target_predictions
from sklearn import metrics as sk
from sklearn.dummy import DummyClassifier, DummyRegressor

import kit
from kit.comparison.arm_summary import summarize
from kit.comparison.chosen_metric import choose_metric, with_metric
from kit.comparison.per_image import compare_images
from kit.comparison.trajectory import Trajectory
from kit.errors import RunError, SpecError
from kit.files import write_whole
from kit.metrics import find_metric
from kit.reports.comparison import comparison_tables
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.constant_rate import constant_rate
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

if TYPE_CHECKING:
    from kit.datasets import Dataset

DATASET = ("made", "0123456789abcdef")
TAGS = Tags(names=("a", "b", "c"))
GRADES = Grades(names=("0", "1", "2"))
VALUES = Values.of(["x"], ["1", "9"])


def _runs(folder: Path, target: Target, *, noise: float, number: bool = False) -> list[Trajectory]:
    """Make two arms of four seeds with predictions: the second arm's are noisier by `noise`."""
    made = Made(folder)
    for side, worse in ((2, 0.0), (3, noise)):
        for seed in range(4):
            run = made.finish(f"pool={side}", seed, [0.5], settings={"model.pool": side})
            scores = target_predictions(target, 50, number=number)
            spread = np.random.default_rng(seed).normal(0, 0.05 + worse, scores.outputs.shape)
            outputs = (scores.outputs + spread).astype(np.float32)
            write_whole(run.predictions, dataclasses.replace(scores, outputs=outputs).csv())
    found = kit.compare(folder, metric="val_accuracy").trajectories
    return [dataclasses.replace(run, dataset=DATASET) for run in found]


def test_a_metric_that_no_history_has_is_computed_from_stored_predictions(tmp_path: Path) -> None:
    made, rng, expected = Made(tmp_path / "a"), np.random.default_rng(0), []
    for seed in range(3):
        truth = rng.integers(0, 2, 40)
        chances = np.clip(0.3 * truth + rng.uniform(0, 0.7, 40), 0, 1)
        predict(made.finish("pool=2", seed, [0.5]), truth, chances)
        expected.append(sk.matthews_corrcoef(truth, np.float32(chances) > 0.5))
    comparison = kit.compare(tmp_path / "a", metric="mcc")
    (arm,) = comparison.arms
    table = comparison_tables(comparison)[0]

    assert ("val_mcc", "best") == (comparison.metric, comparison.weights)
    assert np.mean(expected) == pytest.approx(arm.last.mean)
    assert np.std(expected, ddof=1) == pytest.approx(arm.last.sd)
    assert "val_mcc, mean ± sd over n runs, of kept predictions; base rate 0.0000" in table.title
    assert ("arm", "n", "best\nweights", "verdict") == table.columns


def _partly_recorded(folder: Path, *, keeping: int = 3) -> tuple[Path, list[float]]:
    """Make two arms of three seeds: the first recorded the AUC, and of the other the first `keeping` runs keep P."""
    made, rng, areas = Made(folder), np.random.default_rng(0), []
    for side, more in ((2, {"val_auc": [0.99, 0.98]}), (3, {})):
        for seed in range(3):
            truth = np.arange(40) % 2
            chances = np.clip((0.5 - 0.1 * side) * truth + rng.uniform(0, 0.7, 40), 0, 1)
            settings = {"model.pool": side}
            run = made.finish(f"pool={side}", seed, [0.5, 0.6], settings=settings, more=more)
            if not (side == 3 and seed >= keeping):
                predict(run, truth, chances)
            areas.append(sk.roc_auc_score(truth, np.float32(chances)))
    return folder, areas


def test_a_metric_that_some_runs_recorded_is_computed_for_all_of_them(tmp_path: Path) -> None:
    folder, areas = _partly_recorded(tmp_path)
    for name in ("val_auc", "auc"):
        comparison = kit.compare(folder, metric=name)
        first, other = comparison.arms

        assert ("val_auc", "best") == (comparison.metric, comparison.weights)
        assert [np.mean(areas[:3]), np.mean(areas[3:])] == pytest.approx([first.last.mean, other.last.mean])
        assert np.mean(np.subtract(areas[3:], areas[:3])) == pytest.approx(other.difference.mean)
        assert (None, None) == (first.best, first.gap)


def test_runs_that_neither_recorded_a_metric_nor_keep_predictions_are_named(tmp_path: Path) -> None:
    folder, _ = _partly_recorded(tmp_path / "all", keeping=2)
    _, other = kit.compare(folder, metric="val_auc").arms
    made = Made(tmp_path / "some")
    for seed in range(3):
        made.finish("a", seed, [0.5], more={"val_auc": [0.9]}, settings={"model.pool": 2})
        made.finish("b", seed, [0.5], more={"val_auc": [0.8]} if seed == 1 else {}, settings={"model.pool": 3})
    _, some = kit.compare(made.folder, metric="val_auc").arms

    assert (None, "did not record val_auc") == (other.difference, other.verdict.words)
    assert "did not record val_auc in 2 of 3 runs: seed-0, seed-2" == some.verdict.words


def test_a_metric_without_a_value_in_some_runs_is_no_divergence(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for seed in range(3):
        losses = {"loss": [0.5], "val_loss": [0.5]}
        made.finish("a", seed, [0.5], more={"val_auc": [0.9], **losses}, settings={"model.pool": 2})
        area = np.nan if seed == 2 else 0.8
        made.finish("b", seed, [0.6], more={"val_auc": [area], **losses}, settings={"model.pool": 3})

    assert "has no value of val_auc in 1 of 3 runs: seed-2" == kit.compare(tmp_path, metric="auc").arms[1].verdict.words
    assert 0.1 == pytest.approx(kit.compare(tmp_path, metric="accuracy").arms[1].difference.mean)


def test_fewer_errors_are_better_and_values_are_not_compared_image_by_image(tmp_path: Path) -> None:
    runs = _runs(tmp_path, VALUES, noise=1.0)
    chosen = choose_metric("rmse", runs, {})
    judged = with_metric(runs, chosen, {DATASET: VALUES})
    scores = np.genfromtxt(runs[0].run.predictions, delimiter=",", skip_header=1, usecols=(1, 2))
    _, arm = summarize(judged, chosen.name)

    assert sk.root_mean_squared_error(*scores.T) == pytest.approx(judged[0].last("val_rmse"), rel=1e-6)
    assert "worse" == arm.verdict.words
    assert arm.difference.mean > 0
    assert arm.best is None
    arms = [("pool=2", judged[:4]), ("pool=3", judged[4:])]
    assert ([], [], 0) == compare_images(arms, chosen.name, {DATASET: VALUES})


def test_grades_are_compared_image_by_image_whatever_their_heads(tmp_path: Path) -> None:
    runs = _runs(tmp_path / "a", GRADES, noise=0.1)[:4] + _runs(tmp_path / "b", GRADES, noise=0.1, number=True)[4:]
    (found,), refused, count = compare_images(
        [("pool=2", runs[:4]), ("pool=3", runs[4:])], "val_qwk", {DATASET: GRADES}
    )
    truth = target_predictions(GRADES, 50).labels
    numbers = np.genfromtxt(runs[4].run.predictions, delimiter=",", skip_header=1, usecols=(2,))
    labels = np.genfromtxt(runs[4].run.predictions, delimiter=",", skip_header=1, usecols=(1,))

    assert ([], 1) == (refused, count)
    assert np.array_equal(truth, labels)
    assert (np.clip(np.floor(numbers + 0.5), 0, 2) == labels).mean() == pytest.approx(found.accuracy.value)
    assert found.auc is None


def test_the_datasets_metric_is_the_default_and_a_plain_name_means_validation(tiny: Dataset) -> None:
    key = (tiny.manifest.name, tiny.manifest.fingerprint)
    manifest = msgspec.structs.replace(tiny.manifest, target=GRADES)
    graded = {key: dataclasses.replace(tiny, manifest=manifest)}
    recorded = [
        Trajectory(arm="a", dataset=key, metrics={"qwk": [0.2], "val_qwk": [0.1], "loss": [1.0], "val_loss": [2.0]})
    ]

    assert "val_qwk" == choose_metric(None, recorded, graded).name
    assert "val_qwk" == choose_metric("qwk", recorded, graded).name
    assert "val_loss" == choose_metric("val_loss", recorded, graded).name
    assert "loss" == choose_metric("loss", recorded, graded).name
    assert choose_metric("val_qwk", recorded, graded).computed is None
    assert "mae" == choose_metric("val_mae", recorded, graded).computed.name
    with pytest.raises(RunError, match=r"unknown metric 'val_nothing'"):
        choose_metric("val_nothing", recorded, graded)
    with pytest.raises(SpecError, match=r"metric file .*nowhere.py is missing"):
        choose_metric("nowhere.py:score", recorded, graded)
    with pytest.raises(RunError, match=r"the runs' datasets have different metrics, qwk, accuracy; add metric='qwk'"):
        choose_metric(
            None, [*recorded, Trajectory(arm="b", metrics={}, dataset=("t", ""))], {**graded, ("t", ""): tiny}
        )


def test_a_history_from_elsewhere_has_no_metric_to_compute(tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    history.write_text('{"accuracy": [0.5], "val_accuracy": [0.5]}')

    with pytest.raises(RunError, match=r"history is a history without predictions; val_f1 was not recorded"):
        kit.compare(history, metric="f1")


@pytest.mark.parametrize("name", ["micro_f1", "macro_f1", "samples_f2", "accuracy", "log_loss", "brier", "column_auc"])
def test_the_base_rate_of_tags_is_the_best_of_three_dummies(name: str) -> None:
    truth, metric = target_predictions(TAGS, 80, seed=4).labels, find_metric(name)
    images = np.zeros((80, 1))
    prior = DummyClassifier(strategy="prior").fit(images, truth)
    shares = np.stack([chances[:, 1] for chances in prior.predict_proba(images)], axis=1)
    joined = DummyClassifier(strategy="most_frequent").fit(images, ["".join(map(str, row)) for row in truth])
    combination = np.array([list(map(int, row)) for row in joined.predict(images)])
    rows = [np.zeros_like(truth), combination, shares]
    score = {
        "micro_f1": lambda row: sk.f1_score(truth, row >= 0.5, average="micro", zero_division=0),
        "macro_f1": lambda row: sk.f1_score(truth, row >= 0.5, average="macro", zero_division=0),
        "samples_f2": lambda row: (
            sk.fbeta_score(truth, row >= 0.5, beta=2, average="samples", zero_division=1)
            if row is not rows[0]
            else (truth.sum(axis=1) == 0).mean()
        ),
        "accuracy": lambda row: sk.accuracy_score(truth, row >= 0.5),
        "log_loss": lambda row: np.mean(
            [sk.log_loss(t, np.clip(r, 1e-15, 1 - 1e-15)) for t, r in zip(truth.T, row.T, strict=True)]
        ),
        "brier": lambda row: ((row - truth) ** 2).mean(),
        "column_auc": lambda row: sk.roc_auc_score(truth, row),
    }[name]
    best = (max if metric.direction == "max" else min)(map(score, rows))

    rate, words = constant_rate(TAGS, metric, truth)
    assert best == pytest.approx(rate, rel=1e-6)
    assert "tag" in words


def test_base_rates_of_values_and_grades_are_those_of_dummies() -> None:
    images = np.zeros((60, 1))
    values, grades = target_predictions(VALUES, 60).labels, target_predictions(GRADES, 60).labels
    mean = DummyRegressor(strategy="mean").fit(images, values[:, 0]).predict(images)
    common = DummyClassifier(strategy="most_frequent").fit(images, grades).predict(images)
    median = DummyRegressor(strategy="quantile", quantile=0.5).fit(images, grades).predict(images)
    prior = DummyClassifier(strategy="prior").fit(images, grades).predict_proba(images)
    errors = [sk.mean_absolute_error(grades, one) for one in (common, median, prior @ np.arange(3))]

    assert sk.root_mean_squared_error(values[:, 0], mean) == pytest.approx(
        constant_rate(VALUES, find_metric("rmse"), values)[0]
    )
    assert (None, "") == constant_rate(VALUES, find_metric("pearson"), values)
    assert sk.accuracy_score(grades, common) == constant_rate(GRADES, find_metric("accuracy"), grades)[0]
    assert 0 == pytest.approx(constant_rate(GRADES, find_metric("qwk"), grades)[0])
    assert min(errors) == pytest.approx(constant_rate(GRADES, find_metric("mae"), grades)[0])
    assert sk.log_loss(grades, prior) == pytest.approx(constant_rate(GRADES, find_metric("log_loss"), grades)[0])


@pytest.mark.parametrize("name", ["mcc", "balanced_accuracy", "log_loss", "macro_f1", "average_precision"])
def test_base_rates_of_classes_are_those_of_dummies(name: str) -> None:
    target, metric = Classes(names=("a", "b", "c")), find_metric(name)
    truth, images = np.repeat([0, 1, 2], [10, 25, 5]), np.zeros((40, 1))
    prior = DummyClassifier(strategy="prior").fit(images, truth).predict_proba(images)
    always = [DummyClassifier(strategy="constant", constant=one).fit(images, truth) for one in range(3)]
    score = {
        "mcc": lambda row: sk.matthews_corrcoef(truth, row.argmax(axis=1)),
        "balanced_accuracy": lambda row: sk.balanced_accuracy_score(truth, row.argmax(axis=1)),
        "log_loss": lambda row: sk.log_loss(truth, row),
        "macro_f1": lambda row: sk.f1_score(truth, row.argmax(axis=1), average="macro", zero_division=0),
        "average_precision": lambda row: sk.average_precision_score(np.eye(3)[truth], row),
    }[name]
    rows = [prior, *(one.predict_proba(images) for one in always)]

    rate, _ = constant_rate(target, metric, truth)
    assert (max if metric.direction == "max" else min)(map(score, rows)) == pytest.approx(rate, rel=1e-6)


def test_several_metrics_to_compare_by_are_refused_as_several(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="compared by one metric; metric='rmse,mae' names several"):
        choose_metric("rmse,mae", _runs(tmp_path, VALUES, noise=1), {})
