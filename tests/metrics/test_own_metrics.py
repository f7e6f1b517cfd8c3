"""Metrics of one's own: a function, or one in a file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

import kit
from kit.errors import SpecError

FILE = '''
import kit
import numpy as np
from dataclasses import dataclass

def share(truth, prediction):
    return (truth == prediction).mean()

def cost(truth, prediction, weights):
    rows = np.abs(truth - prediction[:, 1])
    return np.average(rows, weights=weights)

@kit.metric(direction="min", judges="numbers", targets=["values"])
def largest_error(truth, prediction):
    """Largest error of all.

    In the column that it is in.
    """
    return np.abs(truth - prediction).max(axis=0)

def broken(truth, prediction):
    return 1 / 0

def elsewhere(truth, prediction):
    return np.average(truth, weights=[1.0])

def silent(truth, prediction):
    pass

def alone(truth):
    return 1.0
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(FILE)
    return path


def test_a_function_of_a_file_judges_decisions_and_higher_is_better(file: Path) -> None:
    metric = kit.find_metric(f"{file}:share")

    assert (f"{file}:share", "max", "decisions") == (metric.name, metric.direction, metric.judges)
    assert {"classes", "tags", "grades", "values"} == metric.targets
    assert kit.Score(value=0.75) == metric.score([0, 1, 2, 3], [0, 1, 2, 0])


def test_words_after_the_function_say_what_it_judges_and_how(file: Path) -> None:
    name = f"{file}:cost:min:probabilities"
    metric = kit.find_metric(name)

    assert (name, "min", "probabilities", True) == (metric.name, metric.direction, metric.judges, metric.needs_all)
    assert math.isclose(0.25, metric.score([1, 0], [[0.2, 0.8], [0.7, 0.3]]).value)
    assert math.isclose(0.275, metric.score([1, 0], [[0.2, 0.8], [0.7, 0.3]], [1, 3]).value)


def test_a_decorator_says_it_and_an_array_is_one_value_a_column(file: Path) -> None:
    metric = kit.find_metric(f"{file}:largest_error")

    assert ("min", "numbers", {"values"}) == (metric.direction, metric.judges, metric.targets)
    assert "Largest error of all." == metric.summary
    assert kit.Score(value=2.5) == metric.score([[1.0, 0.0], [2.0, 0.0]], [[2.0, 4.0], [2.0, 0.0]])
    assert "max" == kit.find_metric(f"{file}:largest_error:max").direction


def test_attributes_of_a_function_say_it() -> None:
    def lower(truth: Any, prediction: Any) -> float:
        return float(np.abs(truth - prediction).mean())

    lower.direction, lower.judges, lower.targets = "min", "numbers", "grades"  # type: ignore[attr-defined]
    metric = kit.find_metric(lower)

    assert ("lower", "min", "numbers", {"grades"}) == (
        metric.name,
        metric.direction,
        metric.judges,
        metric.targets,
    )
    assert metric is kit.find_metric(metric)


def test_functions_of_scikit_learn_are_metrics_with_their_weights_and_direction() -> None:
    truth, decisions, weights = [0, 1, 1, 0], [0, 1, 0, 0], [1.0, 2.0, 3.0, 4.0]

    assert (
        sk.f1_score(truth, decisions, sample_weight=weights)
        == kit.find_metric(sk.f1_score).score(truth, decisions, weights).value
    )
    assert ("max", "min", "min") == tuple(
        kit.find_metric(function).direction for function in (sk.f1_score, sk.hamming_loss, sk.mean_absolute_error)
    )


def test_what_a_function_does_to_its_arrays_is_its_own_affair() -> None:
    def zeroed(truth: Any, prediction: Any, w: Any) -> float:
        truth[:] = prediction[:] = 0
        return float(np.average(truth == prediction, weights=w))

    truth, decisions = np.array([0, 1]), np.array([1, 0])

    assert 1.0 == kit.find_metric(zeroed).score(truth, decisions, [1, 3]).value
    assert ([0, 1], [1, 0]) == (truth.tolist(), decisions.tolist())


def test_a_loss_is_to_be_small_in_a_file_too(file: Path) -> None:
    file.write_text("def own_loss(truth, prediction):\n    return 1.0\n")

    assert ("min", "max") == tuple(
        kit.find_metric(f"{file}:own_loss{words}").direction for words in ("", ":max:decisions")
    )


def test_a_prediction_that_is_not_a_number_scores_nan_and_is_not_shown_to_it(file: Path) -> None:
    assert math.isnan(kit.find_metric(f"{file}:broken").score([0, 1], [-1, 1]).value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "broken' failed: ZeroDivisionError: division by zero (score.py, line 22)"),
        (
            "elsewhere",
            "failed: TypeError: Axis must be specified when shapes of a and weights differ. (score.py, line 25)",
        ),
        ("silent", "silent' returned None, which is no finite number and no NaN, which stands for no value"),
    ],
)
def test_a_function_that_fails_is_named_in_one_line(file: Path, name: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        kit.find_metric(f"{file}:{name}").score([0, 1], [0, 1])

    assert str(caught.value).endswith(message)
    assert 1 == len(str(caught.value).splitlines())


def test_nan_says_that_there_is_no_value_and_of_columns_which() -> None:
    alone, none, some = (
        kit.find_metric(lambda *_, returned=returned: returned) for returned in (math.nan, [math.nan] * 2, [0.5, None])
    )

    assert math.isnan(alone.score([0, 1], [0, 1]).value)
    assert math.isnan(none.score([[0, 1]], [[0, 1]]).value)
    assert kit.Score(value=0.5, left_out=("b",)) == some.score([[0, 1]], [[0, 1]], columns=("a", "b"))


@pytest.mark.parametrize("returned", [None, math.inf, "a", [[1.0]], [[math.nan]], [1.0, math.inf], [], {}])
def test_what_is_no_finite_number_is_refused(returned: Any) -> None:
    with pytest.raises(SpecError, match=r"metric '<lambda>' returned .*, which is no finite number"):
        kit.find_metric(lambda *_: returned).score([0, 1], [0, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("missing.py:f", "metric file missing.py is missing; put it back, or give its new path with metric="),
        ("{file}", "write FILE.py:FUNCTION, with words after it such as :min:probabilities"),
        ("{file}:shares", "unknown function 'shares'; did you mean 'share'?"),
        ("{file}:share:low", "unknown word 'low'"),
        ("{file}:share:min:max", "give one word of a kind, not min:max"),
        ("{file}:alone", "is called with (truth, prediction) or (truth, prediction, weights), but takes (truth)"),
    ],
)
def test_what_is_no_metric_is_refused_when_it_is_found(file: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        kit.find_metric(text.format(file=file))

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_to_be_found", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def f(:\n    pass", "cannot be loaded: SyntaxError: invalid syntax (score.py, line 1)"),
        ("import sys\nsys.exit(2)", "cannot be loaded: SystemExit: 2 (score.py, line 2)"),
        ("import kit\n@kit.metric(judges='chances')\ndef f(t, p): return 1.0", "unknown judges of a metric 'chances'"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "score.py").write_text(text)
    with pytest.raises(SpecError) as caught:
        kit.find_metric(f"{tmp_path / 'score.py'}:f")

    assert message in str(caught.value)
    assert 1 == len(str(caught.value).splitlines())


def test_weights_that_a_function_does_not_take_are_not_dropped(file: Path) -> None:
    with pytest.raises(SpecError, match="takes no weights; give it a third argument"):
        kit.find_metric(f"{file}:share").score([0, 1], [0, 1], [1.0, 2.0])


@pytest.mark.parametrize("wrong", [3, None, ["auc"]])
def test_what_is_neither_name_nor_function_is_refused(wrong: Any) -> None:
    with pytest.raises(SpecError, match=r"a metric is a name, a function or a kit\.Metric, got"):
        kit.find_metric(wrong)
