"""What every metric of the registry keeps to."""

from __future__ import annotations

import inspect
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kit.errors import SpecError
from kit.metrics import Metric, find_metric, metric_names
from kit.metrics.registry import declarations

MORE = ["f0.5", "macro_f2", "micro_f0.5", "samples_f0.5", "map@1", "map@3", "top@1", "pf2"]
MORE += ["weighted_log_loss:b=3:*=2/1"]
MORE += ["addons/F1Score:average=macro:threshold=0.3", "addons/FBetaScore:beta=2:average=weighted"]
MORE += ["addons/F1Score:average=micro", "addons/HammingLoss:threshold=0.3:mode=multilabel"]
MORE += ["addons/CohenKappa:weightage=linear", "addons/RSquare:multioutput=variance_weighted"]
MORE += ["addons/KendallsTauB:actual_min=-2:actual_max=2:preds_min=-2:preds_max=2:actual_cutpoints=9:preds_cutpoints=9"]
NAMES = [*metric_names(), *MORE]
CASES = [(name, target) for name in NAMES for target in sorted(find_metric(name).targets)]
BEST = {"partial_auc": 0.2, **dict.fromkeys(("log_loss", "weighted_log_loss", "brier", "rmse", "mae"), 0.0)}
BEST |= dict.fromkeys(("addons/HammingLoss", "addons/hamming_distance"), 0.0)
TAU_C = "addons/KendallsTauC"  # is 1 only where the intervals of the truth are equally full
COLUMNS = ("a", "b", "c", "d")
MANY = 40


def best(metric: Metric) -> float:
    return BEST.get(metric.name.partition(":")[0], 1.0)


def drawn_truth(target: str, generator: np.random.Generator, columns: int = 4) -> NDArray[Any]:
    """Draw truth in which every class, tag and grade occurs."""
    if target == "tags":
        return np.concatenate([generator.random((MANY, columns)) < 0.4, np.eye(columns) > 0, np.eye(columns) < 1])
    if target == "values":
        return generator.normal(size=(MANY, columns))
    return np.concatenate([generator.integers(0, columns, MANY), np.arange(columns)])


def perfect(metric: Metric, truth: NDArray[Any], columns: int = 4) -> NDArray[Any]:
    """Predict the truth, in the kind that the metric judges."""
    if metric.judges in {"decisions", "numbers"}:
        return truth if metric.judges == "decisions" else truth.astype(np.float64)
    if metric.judges == "ranks":
        return (truth[:, None] + np.arange(columns)) % columns
    return (truth if truth.ndim == 2 else np.eye(columns)[truth]).astype(np.float32)


def worse(metric: Metric, truth: NDArray[Any], generator: np.random.Generator, columns: int = 4) -> NDArray[Any]:
    """Predict something else, in the kind that the metric judges."""
    shuffled = perfect(metric, generator.permutation(truth), columns)
    if metric.judges == "numbers":
        return shuffled + generator.normal(size=shuffled.shape)
    if metric.judges == "probabilities":
        noisy = 0.5 * shuffled + generator.random(shuffled.shape)
        return noisy if truth.ndim == 2 else noisy / noisy.sum(axis=1, keepdims=True)
    return shuffled


def case(name: str, target: str, seed: int = 0, columns: int = 4) -> tuple[Metric, NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(seed)
    metric, truth = find_metric(name), drawn_truth(target, generator, columns)
    return metric, truth, worse(metric, truth, generator, columns)


@pytest.mark.parametrize(("name", "target"), CASES)
@pytest.mark.parametrize("columns", [2, 4])
def test_perfect_predictions_score_best_and_others_worse(name: str, target: str, columns: int) -> None:
    metric, truth, other = case(name, target, columns=columns)
    names = COLUMNS[:columns]
    top = metric.score(truth, perfect(metric, truth, columns), columns=names)
    score = metric.score(truth, other, columns=names)

    assert math.isclose(best(metric), top.value, abs_tol=1e-9) or (name == TAU_C and 0 < top.value < 1)
    assert () == top.left_out == score.left_out
    assert metric.is_better(top.value, score.value) or (name.startswith("top@") and metric.guesses >= columns)
    assert not metric.is_better(score.value, top.value)
    assert (metric.direction == "max") == (best(metric) > 0)


@pytest.mark.parametrize(("name", "target"), CASES)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_neither_the_order_of_examples_nor_weights_of_one_count_and_a_weight_of_two_is_the_example_twice(
    name: str, target: str, seed: int
) -> None:
    metric, truth, prediction = case(name, target, seed)
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(truth))
    times = generator.integers(0, 4, len(truth))
    if prediction.dtype.kind == "f":
        prediction = np.round(prediction, 1)  # ties

    def score(indices: Any, weights: Any = None) -> float:
        return metric.score(truth[indices], prediction[indices], weights, columns=COLUMNS).value

    assert math.isclose(score(slice(None)), score(order), abs_tol=1e-9)
    assert math.isclose(score(slice(None)), score(slice(None), np.ones(len(truth))), abs_tol=1e-9)
    assert math.isclose(score(np.repeat(np.arange(len(truth)), times)), score(slice(None), times), abs_tol=1e-9)


@pytest.mark.parametrize(("name", "target"), CASES)
def test_a_prediction_that_is_not_a_number_and_no_examples_at_all_score_nan(name: str, target: str) -> None:
    metric, truth, prediction = case(name, target)
    missing = prediction.astype(np.float64) if metric.judges in {"probabilities", "numbers"} else prediction.astype(int)
    missing[3] = -1 if missing.dtype.kind == "i" else np.nan

    assert math.isnan(metric.score(truth, missing, columns=COLUMNS).value)
    assert math.isnan(metric.score(truth[:0], prediction[:0], columns=COLUMNS).value)
    assert math.isnan(metric.score(truth, prediction, np.zeros(len(truth)), columns=COLUMNS).value)


@pytest.mark.parametrize(("name", "target"), CASES)
def test_one_class_only_and_constant_predictions_give_a_number_or_nan_without_a_warning(name: str, target: str) -> None:
    metric, truth, prediction = case(name, target)
    for true, given_ in itertools.product(
        (truth, truth[:1].repeat(len(truth), 0), truth * 0), (prediction, prediction[:1].repeat(len(truth), 0))
    ):
        score = metric.score(true, given_, columns=COLUMNS)

        assert math.isnan(score.value) or score.value <= best(metric) or metric.direction == "min"
        assert len(score.left_out) < len(COLUMNS) or math.isnan(score.value)


@pytest.mark.parametrize("name", metric_names())
def test_every_docstring_says_direction_targets_what_is_judged_and_the_formula(name: str) -> None:
    metric = find_metric(name)
    said = next(said for said in declarations().values() if name in said.names)
    function = next(function for function, other in declarations().items() if other is said)
    first, facts, *rest = (part.replace("\n", " ") for part in (inspect.getdoc(function) or "").split("\n\n"))

    assert first == metric.summary
    assert facts.startswith("Higher is better" if metric.direction == "max" else "Lower is better")
    assert {target for target in ("classes", "tags", "grades", "values") if target in facts} == metric.targets
    assert f"judges {metric.judges}" in facts
    assert rest


@pytest.mark.parametrize("name", ["qwk", "kappa", "r2", "pearson", "spearman"])
@given(st.integers(0, 20), st.lists(st.floats(0.01, 9), min_size=2, max_size=9))
@settings(max_examples=30, deadline=None)
def test_what_is_constant_is_so_whatever_its_weights_round_to(name: str, value: int, weights: list[float]) -> None:
    constant = np.full(len(weights), value if name in {"qwk", "kappa"} else value / 10)

    assert math.isnan(find_metric(name).score(constant, constant, weights).value)


def test_a_column_without_a_value_is_named_and_no_part_of_the_mean() -> None:
    truth = np.array([[0, 1, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]])
    scores = np.array([[0.1, 0.5, 0.4], [0.9, 0.5, 0.3], [0.2, 0.5, 0.2], [0.8, 0.6, 0.1]])
    named = find_metric("column_auc").score(truth, scores, columns=("x", "y", "z"))
    numbered = find_metric("column_auc").score(truth, scores)
    none = find_metric("column_auc").score(truth[:, [1]], scores[:, [1]], columns=["y"])

    assert (0.5, ("y",)) == (named.value, named.left_out)
    assert (0.5, (1,)) == (numbered.value, numbered.left_out)
    assert math.isnan(none.value)
    assert ("y",) == none.left_out


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint64])
@pytest.mark.parametrize("name", ["log_loss", "brier", "auc", "f1", "qwk", "map@5"])
def test_labels_may_be_of_any_whole_type(name: str, kind: Any) -> None:
    metric, truth, prediction = case(name, "classes", columns=2)
    given_ = prediction if metric.judges == "probabilities" else prediction.astype(kind)

    assert metric.score(truth, prediction) == metric.score(truth.astype(kind), given_)


def test_whole_numbers_below_zero_are_numbers_and_no_missing_decisions() -> None:
    own = find_metric(lambda truth, prediction: float((truth == prediction).mean()))

    assert 1.5 == find_metric("mae").score([[-1], [2]], [[-2], [4]]).value
    assert 1.5 == find_metric("mae").score([1, 2], [0, 0]).value
    assert 0.5 == own.score([[-1], [2]], [[-1], [4]]).value


def test_names_say_how_many_classes_there_are_where_labels_do_not() -> None:
    truth, decisions = [0, 1, 1, 0], [0, 1, 0, 0]
    f1 = find_metric("f1")

    assert math.isclose(2 / 3, f1.score(truth, decisions).value)
    assert math.isclose((0.8 + 2 / 3) / 2, f1.score(truth, decisions, columns=["a", "b", "c"]).value)
    assert ("c",) == f1.score(truth, decisions, columns=["a", "b", "c"]).left_out


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_is_found_again_by_its_name(name: str) -> None:
    assert find_metric(name) == find_metric(find_metric(name).name)
    assert name == find_metric(name).name


def test_nan_is_never_better_and_the_first_of_equals_is_best() -> None:
    auc, loss = find_metric("auc"), find_metric("log_loss")

    assert auc.is_better(0.9, 0.8)
    assert loss.is_better(0.8, 0.9)
    assert not auc.is_better(0.9, 0.9)
    assert not auc.is_better(math.nan, 0.1)
    assert auc.is_better(0.1, math.nan)
    assert not auc.is_better(math.nan, math.nan)
    assert (2, 1) == (auc.best_index([math.nan, 0.1, 0.9, 0.9]), loss.best_index([math.nan, 0.1, 0.9, 0.1]))
    assert auc.best_index([math.nan]) is None
    assert auc.is_better(0.0, auc.worst)
    assert loss.is_better(9.0, loss.worst)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aucc", "unknown metric 'aucc'; did you mean 'auc'? Known: accuracy, auc, average_precision"),
        ("F1Score", "unknown metric 'F1Score'; did you mean 'addons/F1Score'?"),
        ("addons/F1Scor", "unknown metric 'addons/F1Scor'; did you mean 'addons/F1Score'? Known: addons/CohenKappa"),
        ("addons/HammingLoss", "did you mean 'addons/HammingLoss:mode=multi"),
        ("addons/GeometricMean", "addons/GeometricMean is no metric: it averages one series of numbers"),
        ("addons/F1Score:averge=macro", "unknown argument of addons/F1Score 'averge'; did you mean 'average'?"),
        ("addons/F1Score:average=makro", "addons/F1Score: average must be one of none, micro, macro, weighted, got"),
        ("addons/F1Score:average", "addons/F1Score takes ARGUMENT=VALUE between colons, got 'average'"),
        ("addons/F1Score:average=micro:average=macro", "addons/F1Score names average twice"),
        ("addons/F1Score:threshold=2", "addons/F1Score: threshold must be above 0 and at most 1, got 2.0"),
        ("addons/FBetaScore:beta=nan", "addons/FBetaScore: beta must be a number, got 'nan'"),
        ("addons/FBetaScore:beta=1e200", "addons/FBetaScore: beta must be at most 1e+100, got 1e+200"),
        ("addons/FBetaScore:beta=0", "addons/FBetaScore: beta must be above 0, got 0.0"),
        ("addons/RSquare:num_regressors=-1", "addons/RSquare: num_regressors must be 0 or more, got -1"),
        ("addons/KendallsTauB:actual_min=2", "addons/KendallsTauB: actual_min must be below actual_max, got 2.0"),
        ("addons/KendallsTauB:preds_cutpoints=1", "preds_cutpoints must be in 2 to 10,000, got 1"),
        ("addons/KendallsTauB:preds_cutpoints=1.5", "preds_cutpoints must be a whole number, got '1.5'"),
        ("map@0", "unknown metric 'map@0'; did you mean 'map@5'?"),
        ("f0", "unknown metric 'f0'"),
        ("macro_f0.0", "unknown metric 'macro_f0.0'"),
        ("", "unknown metric ''"),
        ("weighted_log_loss:any", "takes COLUMN=WEIGHT or COLUMN=WEIGHT/WEIGHT between colons, got 'any'"),
    ],
)
def test_unknown_metric_is_said_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        find_metric(name)

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "truth", "prediction", "message"),
    [
        ("auc", [0, 1], [0.1, 0.9], "'auc' judges probabilities, [n, P >= 2] beside truth [n]"),
        ("auc", [0, 1], [[0.1], [0.9]], "got truth [2] and prediction [2, 1]"),
        ("column_auc", [[0, 1]], [[0.1]], "got truth [1, 2] and prediction [1, 1]"),
        ("auc", [0, 2], [[0.1, 0.9]] * 2, "has 2 classes, 0 to 1, but truth holds 2"),
        ("accuracy", [0, 1], [0.0, 1.0], "takes whole numbers as prediction, got float64"),
        ("accuracy", [0, -1], [0, 1], "takes labels from 0, but truth holds -1"),
        ("f1", [0, 1], [0, 1, 1], "got truth [2] and prediction [3]"),
        ("map@5", [0, 1], [0, 1], "judges ranks, [n, guesses], the best first"),
        ("rmse", [[1.0], [2.0]], [1.0, 2.0], "judges numbers of the shape of truth"),
        ("samples_f2", [0, 1], [0, 1], "metric 'samples_f2' is for tags; got truth [2]"),
        ("qwk", [[0, 1]], [[0, 1]], "metric 'qwk' is for classes and grades; got truth [1, 2]"),
        ("macro_f1", [[0, 2]], [[0, 1]], "takes tags of 0 and 1, but truth holds 2"),
        ("macro_f1", [[0, 1]], [[0.2, 0.9]], "takes tags of 0 and 1, but prediction holds 0.2"),
        ("column_auc", [[0.5, 1]], [[0.2, 0.9]], "takes tags of 0 and 1, but truth holds 0.5"),
        ("rmse", [[0.5], [math.nan]], [[0.2], [0.9]], "takes numbers as truth, but it holds nan"),
        ("auc", [[[0]]], [[[0.5]]], "got truth [1, 1, 1]"),
        ("accuracy", 1, 1, "got truth []"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_a_sentence(name: str, truth: Any, prediction: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        find_metric(name).score(truth, prediction)

    assert message in str(caught.value)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.nan]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    with pytest.raises(SpecError, match="metric 'accuracy' takes"):
        find_metric("accuracy").score([0, 1], [0, 1], weights)
