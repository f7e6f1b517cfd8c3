"""Base rates are what scikit-learn's dummies score, and a find below them is a warning."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import FINGERPRINT, Made, predict, respecify
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score, roc_auc_score

import kit
from kit.comparison.base_rate import base_rate
from kit.datasets import Dataset
from kit.reports.caveats import comparison_remarks
from kit.reports.comparison import comparison_tables
from kit.specs import override

COUNTS = st.lists(st.integers(1, 60), min_size=2, max_size=6)


def dummies(counts: list[int]) -> tuple[np.ndarray, list[DummyClassifier], np.ndarray]:
    """Give labels, a classifier for each class that always names it, and images that say nothing."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 1))
    constant = [DummyClassifier(strategy="constant", constant=name).fit(images, labels) for name in range(len(counts))]
    return labels, constant, images


@given(COUNTS)
@settings(max_examples=30)
def test_base_rates_are_the_best_that_a_constant_scores(counts: list[int]) -> None:
    labels, constant, images = dummies(counts)
    average = "binary" if len(counts) == 2 else "macro"
    for name, score in (("precision", precision_score), ("f1", f1_score)):
        scores = [score(labels, one.predict(images), average=average, zero_division=0) for one in constant]
        expected = scores[1] if len(counts) == 2 else max(scores)

        assert expected == pytest.approx(base_rate(name, counts))
    frequent = DummyClassifier(strategy="most_frequent").fit(images, labels)
    prior = DummyClassifier(strategy="prior").fit(images, labels)
    chances = prior.predict_proba(images)
    area = roc_auc_score(labels, chances[:, 1] if len(counts) == 2 else chances, multi_class="ovr")

    assert accuracy_score(labels, frequent.predict(images)) == pytest.approx(base_rate("accuracy", counts))
    assert log_loss(labels, chances) == pytest.approx(base_rate("loss", counts))
    assert area == base_rate("auc", counts)
    if len(counts) > 2:
        for one in constant:
            recall = recall_score(labels, one.predict(images), average="macro")
            assert recall == pytest.approx(base_rate("recall", counts))


def test_a_smoothed_loss_has_the_base_rate_of_smoothed_labels() -> None:
    keras = pytest.importorskip("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = np.repeat([0.0, 1.0], [30, 70])[:, None]
        loss = keras.losses.BinaryCrossentropy(label_smoothing=0.2)
        losses = [float(loss(labels, np.full((100, 1), chance))) for chance in np.linspace(0.5, 0.8, 31)]

    assert min(losses) == pytest.approx(base_rate("loss", [30, 70], smoothing=0.2), abs=1e-5)


@pytest.mark.parametrize(
    ("metric", "counts"), [("accuracy", []), ("accuracy", [0, 0]), ("recall", [3, 4]), ("x", [1, 1])]
)
def test_what_has_no_base_rate_says_so(metric: str, counts: list[int]) -> None:
    assert base_rate(metric, counts) is None


def arms(folder: Path, means: dict[int, float], *, dataset: Dataset | None = None, fold: int | None = None) -> Made:
    """Make arms of four seeds around some accuracies, of which all but the first spread."""
    made = Made(folder)
    fingerprint = dataset.manifest.fingerprint if dataset else FINGERPRINT
    for (side, mean), seed in ((pair, seed) for pair in means.items() for seed in range(4)):
        value = mean + 0.001 * seed * (side % 2)
        options = {"settings": {"model.pool": side}, "fold": fold, "fingerprint": fingerprint}
        run = made.finish(f"pool={side}", seed, [value], more={"val_loss": [1 - value]}, **options)
        if dataset:
            respecify(run, override(run.spec(), {"dataset": dataset.manifest.name}))
    made.plan(*(f"pool={side}" for side in means))
    return made


def test_worse_between_two_arms_below_the_base_rate_is_a_warning(
    tiny: Dataset, workspace: Path, tmp_path: Path
) -> None:
    counts = tiny.manifest.counts["validation"]
    largest = max(counts.values()) / sum(counts.values())
    made = arms(tmp_path / "a", {2: largest, 3: largest - 0.2, 7: largest + 0.2, 5: largest - 0.3}, dataset=tiny)
    comparison = kit.compare(made.folder, root=workspace)
    _, worse, better, _ = comparison.arms
    title = comparison_tables(comparison)[0].title

    assert [largest] * 4 == [arm.base_rate for arm in comparison.arms]
    assert ("warning", "warning: worse, but neither beats the base rate") == (
        worse.verdict.outcome,
        worse.verdict.words,
    )
    assert "better" == better.verdict.outcome
    assert f"base rate {largest:.4f}" in title
    assert f"base rate, share of the largest class: {largest:.4f}" in comparison_remarks(comparison)
    assert "warning: no better than the base rate: pool=2, pool=3, pool=5 (3)" in comparison_remarks(comparison)


def test_a_find_stands_where_one_arm_beats_the_base_rate(tiny: Dataset, workspace: Path, tmp_path: Path) -> None:
    counts = tiny.manifest.counts["validation"]
    largest = max(counts.values()) / sum(counts.values())
    made = arms(tmp_path / "a", {2: largest, 3: largest + 0.2}, dataset=tiny)

    assert "better" == kit.compare(made.folder, root=workspace).arms[1].verdict.outcome
    assert "worse" == kit.compare(made.folder, baseline="pool=3", root=workspace).arms[1].verdict.outcome


def test_folds_have_the_base_rate_of_the_fold_that_validates(folded: Dataset, workspace: Path, tmp_path: Path) -> None:
    for fold, counts in folded.manifest.folds.items():
        made = arms(tmp_path / str(fold), {2: 0.9}, dataset=folded, fold=fold)
        (arm,) = kit.compare(made.folder, root=workspace).arms

        assert max(counts.values()) / sum(counts.values()) == arm.base_rate


def test_a_dataset_that_is_gone_leaves_the_labels_beside_the_predictions(tmp_path: Path) -> None:
    made = arms(tmp_path / "a", {2: 0.9, 3: 0.8})
    alone = kit.compare(made.folder, root=tmp_path)
    run = next(run.run for run in alone.trajectories if run.arm == "pool=3" and run.seed == 2)
    predict(run, [0, 1, 1, 1], [0.5] * 4)
    known = kit.compare(made.folder, root=tmp_path)

    assert {None} == {arm.base_rate for arm in alone.arms}
    assert not any("base rate" in line for line in comparison_remarks(alone))
    assert {0.75} == {arm.base_rate for arm in known.arms}


@pytest.mark.parametrize("settings", [{"train.loss": "focal"}, {"model.dense_l2": 0.01}])
def test_a_loss_that_is_more_than_a_cross_entropy_has_no_base_rate(
    tiny: Dataset, workspace: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    made = arms(tmp_path / "a", {2: 0.9, 3: 0.8}, dataset=tiny)
    for spec in made.folder.glob("pool=3/*/spec.json"):
        run = kit.compare(spec.parent, root=workspace).trajectories[0].run
        respecify(run, override(run.spec(), settings))
    plain, other = kit.compare(made.folder, metric="val_loss", root=workspace).arms
    labels, _, images = dummies(list(tiny.manifest.counts["validation"].values()))
    chances = DummyClassifier(strategy="prior").fit(images, labels).predict_proba(images)

    assert log_loss(labels, chances) == pytest.approx(plain.base_rate)
    assert other.base_rate is None
