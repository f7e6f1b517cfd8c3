"""Intervals over resampled images and groups: those of SciPy, and the truth within, as often as they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

import kit
from kit.datasets import Dataset
from kit.datasets.read import read_examples
from kit.datasets.stored_fields import stored_groups, stored_labels
from kit.evaluation import intervals
from kit.evaluation.intervals import FEWEST, RESAMPLES, SEED, Units, bootstrap, levels, resamples_of
from kit.evaluation.metric_scores import score_metrics, usual_metrics
from kit.evaluation.sampled_predictions import read_sampled
from kit.inference.predictions import Predictions
from kit.metrics import find_metric
from kit.metrics.weightings import Weighted
from kit.progress import NO_PROGRESS
from kit.reports.metric_scores import describe_resampling, metrics_csv, metrics_table
from kit.runs import RunDirectory
from kit.targets.classes import Classes
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.made import dataset_of, target_predictions

TWO = Classes(names=("a", "b"))


def _level(units: int) -> float:
    low, high = levels(units)
    return high - low


@pytest.mark.parametrize("name", ["accuracy", "auc", "log_loss", "mcc"])
def test_intervals_of_images_are_those_of_scipy_over_the_same_resamples(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 300)
    scores, metric = target_predictions(TWO, 60), find_metric(name)
    given = TWO.judged(scores.outputs, metric.judges)

    def statistic(indices: np.ndarray) -> float:
        return metric.score(scores.labels[indices], given[indices], columns=TWO.names).value

    expected = stats.bootstrap(
        (np.arange(60),),
        statistic,
        vectorized=False,
        n_resamples=300,
        confidence_level=_level(60),
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    (found,) = bootstrap(scores, [metric], Units.of(None, 60))

    assert found is not None
    assert (expected.low, expected.high) == pytest.approx((found.low, found.high), rel=1e-9)
    assert ("images", 60, 300) == (found.drawn, found.units, found.resamples)


def test_intervals_of_groups_are_those_of_scipy_over_whole_groups() -> None:
    scores = target_predictions(TWO, 90)
    groups = [f"patient-{index % 20}" if index < 80 else "" for index in range(90)]
    names = np.array([group or f"alone-{index}" for index, group in enumerate(groups)])
    order = list(dict.fromkeys(names))
    right = np.array([(~scores.mislabelled)[names == name].sum() for name in order])
    sizes = np.array([(names == name).sum() for name in order])
    expected = stats.bootstrap(
        (right, sizes),
        lambda right, sizes, axis: right.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=_level(30),
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    (found,) = bootstrap(scores, [find_metric("accuracy")], Units.of(groups, 90))

    assert found is not None
    assert (expected.low, expected.high) == pytest.approx((found.low, found.high), rel=1e-9)
    assert ("groups", 30) == (found.drawn, found.units)


def test_intervals_of_a_mean_widen_as_those_of_student_do() -> None:
    target, errors = Values.of(["x"], ["0", "1"]), np.abs(np.random.default_rng(0).normal(0, 1, 8)).astype(np.float32)
    scores = Predictions([str(index) for index in range(8)], np.zeros((8, 1), np.float32), errors[:, None], target)
    (found,) = bootstrap(scores, [find_metric("mae")], Units.of(None, 8))
    student = stats.t.interval(0.95, 7, errors.mean(), stats.sem(errors))

    assert found is not None
    assert found.high - found.low == pytest.approx(student[1] - student[0], rel=0.1)
    assert stats.norm.cdf(np.sqrt(8 / 7) * stats.t.ppf(0.025, 7)) == pytest.approx(levels(8)[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accuracy", "auc", "log_loss"])
def test_about_95_of_100_intervals_hold_the_true_value(name: str) -> None:
    metric, rng, tries, units = find_metric(name), np.random.default_rng(0), 500, 100

    def drawn(images: int) -> Predictions:
        labels = (rng.random(images) < 0.4).astype(np.int32)
        chances = 1 / (1 + np.exp(-rng.normal(2 * labels - 1, 1.2)))
        outputs = np.stack([1 - chances, chances], axis=1).astype(np.float32)
        return Predictions([str(index) for index in range(images)], labels, outputs, TWO)

    true = drawn(1_000_000).judge(metric).value
    found = [bootstrap(drawn(units), [metric], Units.of(None, units))[0] for _ in range(tries)]
    held = sum(one is not None and one.low <= true <= one.high for one in found)

    assert 0.91 <= held / tries <= 0.98


@pytest.mark.slow
def test_intervals_of_groups_hold_the_true_value_where_those_of_images_do_not() -> None:
    rng, tries, metric = np.random.default_rng(0), 500, find_metric("accuracy")
    held = {"groups": 0, "images": 0}
    for _ in range(tries):
        right = np.repeat(rng.beta(4, 1, 40), 10) > rng.random(400)  # patients differ: .8 of the images on average
        scores = Predictions(
            [str(index) for index in range(400)],
            np.zeros(400, np.int32),
            np.where(right[:, None], (0.9, 0.1), (0.1, 0.9)).astype(np.float32),
            TWO,
        )
        patients = [str(index // 10) for index in range(400)]
        for name, groups in (("groups", patients), ("images", None)):
            (found,) = bootstrap(scores, [metric], Units.of(groups, 400))
            held[name] += found is not None and found.low <= 0.8 <= found.high

    assert 0.91 <= held["groups"] / tries <= 0.98
    assert held["images"] / tries < 0.9


def test_no_interval_where_resamples_tell_nothing() -> None:
    scores = target_predictions(TWO, 40)
    right = dataclasses.replace(scores, outputs=np.eye(2, dtype=np.float32)[scores.labels])
    broken = dataclasses.replace(scores, outputs=np.where(np.arange(40)[:, None] == 3, np.nan, scores.outputs))
    one_class = scores.at(np.flatnonzero(scores.labels == 0))
    accuracy, auc = find_metric("accuracy"), find_metric("auc")

    assert [None] == bootstrap(right, [accuracy], Units.of(None, 40))
    assert [None, None] == bootstrap(broken, [accuracy, auc], Units.of(None, 40))
    assert None is bootstrap(one_class, [auc], Units.of(None, len(one_class.keys)))[0]
    assert [None] == bootstrap(scores, [accuracy], Units.of(["one"] * 40, 40))


def test_many_images_and_long_metrics_have_fewer_resamples_and_the_line_says_so() -> None:
    quick, long = (Weighted(lambda weights: weights.sum(axis=0), work) for work in (10, 10**9))
    few, many = Units.of(None, 1000), Units.of(None, 150_000)

    assert [RESAMPLES, FEWEST] == [resamples_of(one, few) for one in (quick, long)]
    assert FEWEST < resamples_of(quick, many) < RESAMPLES
    scored = score_metrics(
        target_predictions(TWO, 50), [find_metric("f1"), find_metric("auc")], units=Units.of(None, 50)
    )
    assert scored[1].interval is not None
    shorter = dataclasses.replace(scored[1], interval=dataclasses.replace(scored[1].interval, resamples=300))
    assert ["95 % intervals: percentiles of 2,000 resamples (auc 300) of 50 images, seed 0"] == describe_resampling(
        [scored[0], shorter]
    )


def test_base_rates_are_of_constants_that_training_labels_give() -> None:
    scores = target_predictions(TWO, 200)
    learned = np.array([0] * 30 + [1] * 10, np.int32)  # other shares than those of the images
    metrics = usual_metrics(TWO, find_metric("accuracy"), are_probabilities=True)
    found = {one.name: one for one in score_metrics(scores, metrics, learned=learned)}
    shares = np.tile([0.75, 0.25], (200, 1))

    assert found["log_loss"].base_rate == pytest.approx(sk.log_loss(scores.labels, shares))
    assert found["accuracy"].base_rate == pytest.approx(max(np.mean(scores.labels == label) for label in (0, 1)))
    assert 0.5 == found["auc"].base_rate == found["balanced_accuracy"].base_rate
    assert "the shares of the classes" == found["log_loss"].base_words
    table = metrics_table("", list(found.values()))
    assert ("metric", "value", "base rate", "better", "judges") == table.columns
    assert metrics_csv(list(found.values())).startswith("metric,value,low,high,resamples,base_rate,base,better,")


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        (Tags(names=("x", "y")), ["x", "x y", "y", ""] * 4),
        (Values.of(["n"], ["1", "2"]), [str(n / 4) for n in range(16)]),
        (TWO, ["a", "b", "b", "b"] * 4),
    ],
)
def test_labels_and_groups_are_those_of_the_records(tmp_path: Path, target: object, labels: list[str]) -> None:
    dataset: Dataset = dataset_of(tmp_path, target, labels)  # type: ignore[arg-type]
    stored = stored_labels(dataset, ["train", "validation"])
    expected = dataset.manifest.target.encode(labels)
    keys = [example.key for split in ("train", "validation") for example in read_examples(dataset, split)]

    assert sorted(map(str, expected)) == sorted(map(str, stored))
    assert dict.fromkeys(keys, "") == stored_groups(dataset, ["train", "validation"])


def test_an_evaluation_has_intervals_and_base_rates_of_every_metric(run: RunDirectory, workspace: Path) -> None:
    evaluation = kit.evaluate(run.path, root=workspace)
    drawn = read_sampled(evaluation.scores, evaluation.dataset, evaluation.splits, NO_PROGRESS)
    metrics = {one.name: one for one in evaluation.measures.metrics}

    assert ["accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss", "auc"] == list(metrics)
    assert evaluation.accuracy == metrics["accuracy"].value
    assert [42, 42] == np.bincount(drawn.learned).tolist()
    assert None not in {one.base_rate for one in metrics.values()}
    for one in metrics.values():
        assert one.value is not None
        assert one.interval is None or one.interval.low <= one.value <= one.interval.high


def test_a_metric_of_ones_own_that_fails_without_a_class_has_an_interval_of_the_other_resamples() -> None:
    def both(truth: np.ndarray, decided: np.ndarray) -> float:
        if 0 in truth and 1 in truth:
            return float((truth == decided).mean())
        raise ValueError("one class")

    scores = target_predictions(TWO, 60)
    few = scores.at([*np.flatnonzero(scores.labels == 0)[:20], *np.flatnonzero(scores.labels == 1)[:1]])
    found, none = (bootstrap(one, [find_metric(both)], Units.of(None, len(one.keys)))[0] for one in (scores, few))

    assert found is not None
    assert found.low < both(scores.labels, scores.predicted) < found.high
    assert FEWEST < found.resamples < RESAMPLES
    assert none is None  # every third resample lacks the one image
