"""Metrics of an epoch, against scikit-learn on all of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

IMAGES, BATCH = 70, 16  # the last batch is short
NAMES = ("a", "b", "c")
GRADES, TAGS, CLASSES = Grades(names=NAMES), Tags(names=NAMES), Classes(names=NAMES)
NUMBERS = np.random.default_rng(5).normal((3.0, -200.0), (1.0, 50.0), (IMAGES, 2)).astype(np.float32)
VALUES = Values.of(("x", "y"), [f"{x:.9g} {y:.9g}" for x, y in NUMBERS])


def truth_of(target: Target) -> NDArray[Any]:
    generator = np.random.default_rng(1)
    if isinstance(target, Values):
        return NUMBERS
    if isinstance(target, Tags):
        return generator.integers(0, 2, (IMAGES, len(target.names)), np.int8)
    return generator.integers(0, len(target.names), IMAGES, np.int32)


def epoch(
    target: Target, names: Sequence[str], head: str = "", labels: NDArray[np.float32] | None = None
) -> tuple[dict[str, float], NDArray[Any], NDArray[np.float32]]:
    """Evaluate a network on an epoch: figures, truth and predictions."""
    from kit.compat import keras
    from kit.training.metrics import make_metrics

    keras.utils.set_random_seed(0)
    layer, truth = target.head(head), truth_of(target)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(layer.units, activation=layer.activation)])
    model.compile(loss="mse", metrics=make_metrics(names, target, layer, IMAGES))
    inputs = np.random.default_rng(2).normal(size=(IMAGES, 4)).astype(np.float32)
    learned = layer.encode(truth) if labels is None else labels
    if isinstance(target, Classes) and layer.units == 1:
        learned = learned[:, 0]
    model.evaluate(inputs, learned, batch_size=BATCH, verbose=0)
    figures = model.evaluate(inputs, learned, batch_size=BATCH, verbose=0, return_dict=True)  # a second epoch is alone
    return figures, truth, layer.predictions(model.predict(inputs, verbose=0))


def test_metrics_of_tags_are_scikit_learns() -> None:
    figures, truth, given = epoch(TAGS, ["micro_f1", "column_auc", "accuracy"])

    assert pytest.approx(reference.f1_score(truth, given >= 0.5, average="micro")) == figures["micro_f1"]
    assert pytest.approx(reference.roc_auc_score(truth, given)) == figures["column_auc"]
    assert pytest.approx(reference.accuracy_score(truth, given >= 0.5)) == figures["accuracy"]


@pytest.mark.parametrize(
    ("head", "decide"),
    [
        ("classes", lambda given: given.argmax(axis=1)),
        ("cumulative", lambda given: given.argmax(axis=1)),
        ("value", lambda given: np.clip(np.rint(given[:, 0]), 0, 2).astype(int)),
    ],
)
def test_metrics_of_grades_are_scikit_learns(head: str, decide: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    figures, truth, given = epoch(GRADES, ["qwk", "accuracy"], head)
    decided = decide(given)

    assert pytest.approx(reference.cohen_kappa_score(truth, decided, weights="quadratic")) == figures["qwk"]
    assert pytest.approx(reference.accuracy_score(truth, decided)) == figures["accuracy"]
    assert len(set(decided)) > 1


def test_metrics_of_values_are_scikit_learns_in_the_labels_own_units() -> None:
    figures, truth, given = epoch(VALUES, ["rmse", "mae", "r2"])

    assert (
        pytest.approx(reference.root_mean_squared_error(truth, given, multioutput="uniform_average"), rel=1e-5)
        == (figures["rmse"])
    )
    assert pytest.approx(reference.mean_absolute_error(truth, given), rel=1e-5) == figures["mae"]
    assert pytest.approx(reference.r2_score(truth, given), rel=1e-5) == figures["r2"]
    assert figures["mae"] > 10


def test_any_metric_of_classes_is_computed_from_the_whole_epoch() -> None:
    figures, truth, given = epoch(CLASSES, ["accuracy", "macro_f1", "log_loss", "mcc", "top@2"])

    assert pytest.approx(reference.f1_score(truth, given.argmax(axis=1), average="macro")) == figures["macro_f1"]
    assert pytest.approx(reference.log_loss(truth, given), rel=1e-5) == figures["log_loss"]
    assert pytest.approx(reference.matthews_corrcoef(truth, given.argmax(axis=1)), abs=1e-6) == figures["mcc"]
    assert pytest.approx(reference.top_k_accuracy_score(truth, given, k=2)) == figures["top@2"]
    assert pytest.approx(reference.accuracy_score(truth, given.argmax(axis=1))) == figures["accuracy"]


def test_metrics_of_addons_are_computed_of_an_epoch_by_their_names() -> None:
    f1, kappa, hamming = "addons/F1Score:average=micro", "addons/CohenKappa:weightage=linear", "addons/hamming_distance"
    figures, truth, given = epoch(CLASSES, [f1, kappa, hamming])
    decided = given.argmax(axis=1)

    assert pytest.approx(reference.accuracy_score(truth, decided)) == figures[f1]
    assert pytest.approx(reference.cohen_kappa_score(truth, decided, weights="linear"), abs=1e-6) == figures[kappa]
    assert pytest.approx(1 - figures[f1]) == figures[hamming]


def test_means_over_classes_leave_out_those_that_an_epoch_lacks() -> None:
    """Those that are trained and never validated: the streamed figures, the registry's and scikit-learn's are one."""
    target = Classes(names=tuple(map(str, range(60))))
    truth = np.random.default_rng(1).integers(0, 3, IMAGES, np.int32)
    labels = target.head().encode(truth)
    figures, _, given = epoch(target, ["f1", "macro_f1", "precision", "recall", "auc"], labels=labels)
    decided = given.argmax(axis=1)
    means = {"average": "macro", "zero_division": 0.0}

    assert 3 < len({*truth, *decided}) < len(target.names)
    for name, score in (
        ("f1", reference.f1_score),
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
    ):
        assert pytest.approx(score(truth, decided, **means)) == figures[name]
    assert pytest.approx(figures["macro_f1"]) == figures["f1"]
    areas = [reference.roc_auc_score(truth == index, given[:, index]) for index in range(3)]
    assert pytest.approx(np.mean(areas)) == figures["auc"]


def test_a_metric_of_ones_own_is_computed_of_an_epoch(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def cost(truth, given):\n    return float(abs(truth - given).mean())\n")
    name = f"{tmp_path}/score.py:cost:min:numbers"
    figures, truth, given = epoch(VALUES, [name])

    assert pytest.approx(np.abs(truth - given).mean(), rel=1e-5) == figures[name]


def test_the_area_of_an_epoch_without_a_class_is_the_mean_of_the_others_and_of_two_classes_nan() -> None:
    from kit.training.metrics import make_metrics

    rng, areas = np.random.default_rng(0), {}
    for names, truth in (
        ("abcd", rng.integers(0, 3, IMAGES)),
        ("abc", truth_of(CLASSES)),
        ("ab", np.zeros(IMAGES, int)),
    ):
        target = Classes(names=tuple(names))
        given = rng.dirichlet([1.0] * len(names), IMAGES).astype(np.float32)
        (area,) = make_metrics(["auc"], target, target.head(), IMAGES)
        area.update_state(target.head().encode(truth.astype(np.int32)), given[:, 1:] if len(names) == 2 else given)
        areas[names] = float(area.result())
        if names != "ab":
            each = [reference.roc_auc_score(truth == index, given[:, index]) for index in range(3)]
            assert np.float32(np.mean(each)) == areas[names]

    assert np.isnan(areas["ab"])


def test_one_buffer_holds_the_outputs_for_all_metrics() -> None:
    from kit.training.metrics import make_metrics

    one, *others = make_metrics(["qwk", "kappa", "auc"], GRADES, GRADES.head(), IMAGES)

    assert [(IMAGES, 3), (IMAGES,), ()] == [tuple(variable.shape) for variable in one.variables]
    assert [[], []] == [other.variables for other in others]


def test_mixed_labels_count_as_what_they_hold_most_of() -> None:
    kept = 0.7
    for target, head in ((GRADES, "classes"), (GRADES, "cumulative"), (CLASSES, ""), (TAGS, "")):
        layer, truth = target.head(head), truth_of(target)
        learned = layer.encode(truth)
        mixed = np.asarray(kept * learned + (1 - kept) * learned[::-1], np.float32)
        figures, _, given = epoch(target, ["accuracy"], head, mixed)
        decided = target.decide(given)
        right = (decided == truth).all(axis=1) if truth.ndim > 1 else decided == truth

        assert pytest.approx(right.mean()) == figures["accuracy"]
        assert 0 < right.mean() < 1


def test_a_figure_that_does_not_exist_is_nan() -> None:
    from kit.training.metrics import make_metrics

    (area,) = make_metrics(["column_auc"], TAGS, TAGS.head(), 4)
    area.update_state(np.zeros((4, 3), np.float32), np.full((4, 3), 0.5, np.float32))

    assert np.isnan(float(area.result()))


def test_metrics_of_very_many_classes_are_those_of_all_outputs() -> None:
    target = Classes(names=tuple(f"w_{number:04d}" for number in range(1_200)))
    figures, truth, given = epoch(target, ["map@5", "top@20", "macro_f1"])
    ranks = np.argsort(-given, axis=1, kind="stable")
    places = (ranks == truth[:, None]).argmax(axis=1)

    assert pytest.approx(np.where(places < 5, 1 / (1 + places), 0).mean()) == figures["map@5"]
    assert pytest.approx((places < 20).mean()) == figures["top@20"]
    assert figures["top@20"] > 0
    every = {"labels": range(1_200), "average": "macro", "zero_division": 0.0}
    assert pytest.approx(reference.f1_score(truth, given.argmax(axis=1), **every)) == figures["macro_f1"]


def test_an_epoch_of_very_many_classes_keeps_the_best_of_each_image_only() -> None:
    from kit.training.metrics import make_metrics

    target = Classes(names=tuple(map(str, range(1_200))))
    kept, *others = make_metrics(["map@5", "top@5"], target, target.head(), IMAGES)

    assert max(int(np.prod(variable.shape)) for variable in kept.variables) == IMAGES * 2 * 20
    assert [one.variables for one in others] == [[]]
