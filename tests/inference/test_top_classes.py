"""Of more than 1,000 classes the 20 likeliest of each image are kept, and say of decisions and ranks what all say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from kit.errors import RunError, SpecError, SubmissionError
from kit.evaluation.confusion import confused_pairs
from kit.inference.out_of_fold import OutOfFold, read_out_of_fold
from kit.inference.predictions import Predictions, average, read_predictions
from kit.metrics import find_metric
from kit.sources.sample_submission import read_ids
from kit.submission.blend_weights import By, fit_blend
from kit.submission.form import choose_cells
from kit.targets import judge
from kit.targets.classes import Classes
from kit.targets.constant_rate import constant_rate
from kit.targets.top_classes import BEST, KEPT, keep_best
from tests.made import class_target

MANY = class_target(1_203)
DECISIONS = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa")
STEP = 80  # between the classes that have a chance
RANKS = ("map@1", "map@5", "top@5", "top@20")


def chances(images: int, seed: int, *, levels: int = 0, classes: int = len(MANY.names)) -> NDArray[np.float32]:
    """Draw probabilities, of so many levels only, so that many are equal; 0 for all different."""
    drawn = np.random.default_rng(seed).random((images, classes))
    return np.float32(np.floor(drawn * levels) / levels if levels else drawn)


def predictions(outputs: NDArray[Any], labels: Sequence[int] | None = None, target: Classes = MANY) -> Predictions:
    truth = np.int32(np.arange(len(outputs)) if labels is None else labels)
    return Predictions([f"image-{number}" for number in range(len(outputs))], truth, target.kept(outputs), target)


def best_first(outputs: NDArray[Any]) -> NDArray[np.intp]:
    """Order all classes, the first of equals first."""
    return np.argsort(-outputs, axis=1, kind="stable")


@given(images=st.integers(1, 6), seed=st.integers(0, 2**20), levels=st.sampled_from([0, 1, 2, 50, 5_000]))
def test_the_kept_classes_decide_and_rank_as_all_do(images: int, seed: int, levels: int) -> None:
    outputs = chances(images, seed, levels=levels)
    kept = MANY.kept(outputs)

    assert kept.dtype == BEST
    assert kept.shape == (images, 20)
    assert np.array_equal(best_first(outputs)[:, :20], kept["index"])
    assert np.array_equal(-np.sort(-outputs, axis=1)[:, :20], kept["probability"])
    assert np.array_equal(outputs.argmax(axis=1), MANY.decide(kept))
    assert np.array_equal(best_first(outputs)[:, :5], MANY.ranks(kept, 5))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**20), levels=st.sampled_from([0, 40]), name=st.sampled_from(DECISIONS + RANKS))
def test_metrics_of_the_kept_classes_are_those_of_all(seed: int, levels: int, name: str) -> None:
    metric, outputs = find_metric(name), chances(30, seed, levels=levels)
    labels = np.random.default_rng(seed).choice(best_first(outputs)[0, :10], 30).astype(np.int32)
    outputs[np.arange(15), labels[:15]] += 0.5
    given_all = best_first(outputs)[:, : metric.guesses] if metric.guesses else outputs.argmax(axis=1)

    assert metric.score(labels, given_all, columns=MANY.names) == predictions(outputs, labels).judge(metric)


def test_metrics_of_the_kept_classes_are_scikit_learns() -> None:
    labels, outputs = np.arange(40) * 3, chances(40, 1)
    outputs[np.arange(25), labels[:25]] += 0.99
    scores = predictions(outputs, labels.tolist())
    every = range(len(MANY.names))

    assert sk.accuracy_score(labels, outputs.argmax(axis=1)) == scores.accuracy
    assert sk.recall_score(labels, outputs.argmax(axis=1), labels=np.unique(labels), average="macro") == pytest.approx(
        scores.recall
    )
    for guesses in (1, 5, 20):
        wanted = sk.top_k_accuracy_score(labels, outputs, k=guesses, labels=every)
        assert wanted == pytest.approx(scores.judge(find_metric(f"top@{guesses}")).value)
    assert scores.auc is None


@settings(max_examples=30)
@given(seeds=st.lists(st.integers(0, 2**20), min_size=1, max_size=4), levels=st.sampled_from([0, 3, 200]))
def test_averages_take_what_a_model_did_not_keep_for_zero(seeds: list[int], levels: int) -> None:
    every = [chances(4, seed, levels=levels) for seed in seeds]
    reduced = []
    for outputs in every:
        dense, best = np.zeros(outputs.shape), best_first(outputs)[:, :20]
        np.put_along_axis(dense, best, np.take_along_axis(outputs, best, axis=1), axis=1)
        reduced.append(dense)
    mean = np.float32(np.mean(reduced, axis=0))
    found = average([predictions(outputs) for outputs in every]).outputs

    assert np.array_equal(best_first(mean)[:, :20], found["index"])
    assert np.array_equal(np.take_along_axis(mean, best_first(mean)[:, :20], axis=1), found["probability"])


def test_outputs_that_are_no_numbers_stay_so(tmp_path: Path) -> None:
    outputs = chances(5, 0)
    outputs[1, 700], outputs[3] = np.nan, np.inf
    scores = predictions(outputs)
    (tmp_path / "p.csv").write_text(scores.csv())

    assert [True, False, True, False, True] == scores.are_numbers.tolist()
    assert [False, True, False, True, False] == (scores.predicted == -1).tolist()
    assert np.isnan(scores.judge(find_metric("accuracy")).value)
    assert np.isnan(scores.judge(find_metric("map@5")).value)
    mixed = average([scores, predictions(chances(5, 1))])
    assert scores.are_numbers.tolist() == mixed.are_numbers.tolist()
    assert scores.csv() == read_predictions(tmp_path / "p.csv", MANY).csv()


def test_kept_classes_are_read_from_csv_and_parquet_as_they_were(tmp_path: Path) -> None:
    target = Classes(names=tuple(f'class, "{number}"' for number in range(1_050)))
    scores = predictions(chances(12, 3, classes=1_050), target=target)
    folds = np.arange(12, dtype=np.int32) % 3
    (tmp_path / "p.csv").write_text(scores.csv())
    (tmp_path / "p.parquet").write_bytes(OutOfFold(folds, scores).parquet())
    first = scores.outputs[0, 0]
    for read in (
        read_predictions(tmp_path / "p.csv", target),
        read_out_of_fold(tmp_path / "p.parquet", target).scores,
    ):
        assert scores.keys == read.keys
        assert np.array_equal(scores.labels, read.labels)
        assert np.array_equal(scores.outputs, read.outputs)

    table = pq.ParquetFile(tmp_path / "p.parquet").read().to_pydict()
    assert ["id", "fold", "label", "guess_1", "probability_1", "guess_2", "probability_2"] == list(table)[:7]
    assert 3 + 2 * 20 == len(table)
    assert (target.names[first["index"]], first["probability"]) == (table["guess_1"][0], table["probability_1"][0])


def test_files_that_hold_every_class_are_still_read(tmp_path: Path) -> None:
    outputs, target = chances(6, 4), MANY
    every = Predictions([f"image-{number}" for number in range(6)], np.arange(6, dtype=np.int32), outputs, target)
    (tmp_path / "p.csv").write_text(every.csv())
    (tmp_path / "p.parquet").write_bytes(OutOfFold(np.zeros(6, np.int32), every).parquet())

    assert every.csv().startswith("id,label,0,1,2,")
    for read in (
        read_predictions(tmp_path / "p.csv", target),
        read_out_of_fold(tmp_path / "p.parquet", target).scores,
    ):
        assert np.array_equal(best_first(outputs)[:, :20], read.outputs["index"])


def test_of_a_thousand_classes_all_are_kept() -> None:
    outputs = chances(3, 5, classes=1_000)

    assert class_target(1_000).kept(outputs) is outputs
    assert class_target(1_001).kept(chances(3, 5, classes=1_001)).shape == (3, 20)


def test_without_their_dataset_kept_classes_are_refused(tmp_path: Path) -> None:
    scores = predictions(chances(3, 0))
    (tmp_path / "p.csv").write_text(scores.csv())
    (tmp_path / "p.parquet").write_bytes(OutOfFold(np.zeros(3, np.int32), scores).parquet())

    with pytest.raises(RunError, match=r"p\.csv holds the 20 likeliest of more than 1,000 classes, and only its"):
        read_predictions(tmp_path / "p.csv")
    with pytest.raises(RunError, match=r"p\.parquet holds the 20 likeliest"):
        read_out_of_fold(tmp_path / "p.parquet")


def test_a_kept_class_that_the_dataset_lacks_is_damage(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(re.sub(r"(image-0,0,)\d+", r"\1gnu", predictions(chances(3, 0)).csv()))

    with pytest.raises(RunError, match=r"p\.csv is damaged"):
        read_predictions(tmp_path / "p.csv", MANY)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("log_loss", "the probability of every class"),
        ("column_auc", "the probability of every class"),
        ("brier", "the probability of every class"),
        ("top@21", "21 guesses"),
    ],
)
def test_metrics_that_need_more_say_so(name: str, needed: str) -> None:
    scores, metric = predictions(chances(3, 0)), find_metric(name)

    with pytest.raises(SpecError, match=f"metric {name} needs {needed}; above 1,000 classes the 20 best of each image"):
        scores.judge(metric)
    with pytest.raises(SpecError, match="only the 20 best of 1,203 classes are kept"):
        _ = scores.loss


@pytest.mark.parametrize(
    ("header", "cells", "needed"),
    [
        (",".join(MANY.names), ",".join("0" for _ in MANY.names), "the probability of every class"),
        ("Id", " ".join(MANY.names[:21]), "21 guesses"),
    ],
)
def test_samples_that_need_more_are_refused(header: str, cells: str, needed: str, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(f"Image,{header}\na,{cells}\nb,{cells}\n")

    with pytest.raises(
        SubmissionError, match=rf"sample\.csv asks for {needed} of 1,203; above 1,000 classes the 20 best"
    ):
        read_ids(path, MANY)


def test_without_a_sample_the_likeliest_class_is_written_or_the_best_guesses() -> None:
    outputs = chances(3, 0)
    one, five = (
        choose_cells(MANY, None, metric).table(predictions(outputs)) for metric in (None, find_metric("map@5"))
    )

    assert [str(index) for index in outputs.argmax(axis=1)] == one["label"].tolist()
    assert [" ".join(map(str, row[:5])) for row in best_first(outputs)] == five["label"].tolist()


def test_the_best_constant_ranks_classes_by_their_shares() -> None:
    truth = np.int32([7, 7, 3, 7, 1_200])

    assert (3 / 5, "the shares of the classes") == constant_rate(MANY, find_metric("accuracy"), truth)
    assert constant_rate(MANY, find_metric("map@5"), truth)[0] == pytest.approx((3 + 1 / 2 + 1 / 3) / 5)


def test_confused_pairs_are_the_cells_of_scikit_learns_matrix() -> None:
    labels = np.random.default_rng(0).integers(0, 6, 200)
    outputs = chances(200, 2, classes=6)
    outputs[5] = np.nan
    scores = predictions(outputs, labels.tolist(), class_target(6))
    matrix = sk.confusion_matrix(labels, scores.predicted, labels=range(6))
    np.fill_diagonal(matrix, 0)
    pairs = confused_pairs(scores, 6)

    assert {(true, other): matrix[true, other] for true, other in np.argwhere(matrix)} == {
        (pair.true, pair.predicted): pair.images for pair in pairs
    }
    assert all(pair.support == (labels == pair.true).sum() for pair in pairs)
    assert sorted(pairs, key=lambda pair: (-pair.images, -pair.images / pair.support)) == pairs


def held_out(outputs: NDArray[np.float32], labels: NDArray[np.int32], *, spread: bool) -> OutOfFold:
    """Make predictions of 15 classes, or of the same among 1,203 of which the others have no chance."""
    target, every = class_target(15), outputs
    if spread:
        target, every = MANY, np.zeros((len(outputs), len(MANY.names)), np.float32)
        every[:, : 15 * STEP : STEP] = outputs
    return OutOfFold(np.arange(len(outputs), dtype=np.int32) % 3, predictions(every, labels.tolist(), target))


@pytest.mark.parametrize("by", ["probability", "vote"])
@pytest.mark.parametrize("metric", ["accuracy", "map@5"])
def test_weights_are_fitted_to_kept_classes_as_to_all(by: By, metric: str) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 15, 60).astype(np.int32)
    drawn = [rng.random((60, 15)).astype(np.float32) / 20 for _ in range(3)]
    for outputs, right in zip(drawn, (0.7, 0.6, 0.5), strict=True):
        outputs[np.arange(60), labels] += rng.random(60).astype(np.float32) < right
    few, many = (
        fit_blend([held_out(one, labels * STEP if spread else labels, spread=spread) for one in drawn], metric, by)
        for spread in (False, True)
    )

    assert few[0].weights == many[0].weights
    if (by, metric) != ("vote", "map@5"):  # classes without a vote are ranked by their place, which differs
        assert few[0] == many[0]
    assert np.array_equal(few[1].scores.predicted * STEP, many[1].scores.predicted)


@pytest.mark.parametrize(("metric", "by"), [("loss", "probability"), ("accuracy", "rank"), ("auc", "probability")])
def test_blends_that_need_every_class_are_refused(metric: str, by: By) -> None:
    inputs = [held_out(chances(9, seed, classes=15), np.zeros(9, np.int32), spread=True) for seed in (0, 1)]

    with pytest.raises(SpecError, match="probability of every class; above 1,000 classes the 20 best"):
        fit_blend(inputs, metric, by)


def test_the_rule_is_of_the_target_whatever_is_judged() -> None:
    """Also probabilities of all classes in an array are not judged where they would not be kept."""
    with pytest.raises(SpecError, match="metric log_loss needs"):
        judge(MANY, find_metric("log_loss"), np.zeros(2, np.int32), chances(2, 0))


def test_sure_predictions_keep_the_first_of_the_others() -> None:
    sure = np.zeros((2, 1_100), np.float32)
    sure[0, 1_099], sure[1, 5] = 1, 1

    assert [[1_099, *range(KEPT - 1)], [5, *range(5), *range(6, KEPT)]] == keep_best(sure)["index"].tolist()
