from __future__ import annotations

import json
import math
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kit.errors import SpecError
from kit.metrics import find_metric
from kit.specs.addons import addons, find_addon
from kit.targets import Head, Target, judge
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.addons_metrics import FIGURES, drawn, figures, imported

CASES = drawn()
SAVED = json.loads(FIGURES.read_text())


def target_of(case: dict[str, Any]) -> Target:
    names = tuple("abcdef"[: len(case["prediction"][0])])
    if case["target"] == "values":
        each = (0.0,) * len(names)
        return Values(names=names, mean=each, deviation=each, lowest=each, highest=each, are_whole=False)
    return Classes(names=names) if case["target"] == "classes" else Tags(names=names)


def scored(name: str, case: dict[str, Any]) -> float:
    """Judge a case as runs are judged."""
    truth = np.array(case["truth"], np.float64 if case["target"] == "values" else np.int32)
    prediction = np.array(case["prediction"], np.float32)
    return judge(target_of(case), find_metric(name), truth, prediction, weights=case.get("weights")).value


def numbers(figure: Any) -> NDArray[np.float64]:
    return np.asarray(figure, np.float64)


@pytest.mark.parametrize("case", list(CASES))
def test_figures_are_those_of_addons(case: str) -> None:
    compared = [one for one in SAVED if one["case"] == case]
    for one in compared:
        each = numbers(one["figure"])
        expected = math.nan if np.isnan(each).all() else np.nanmean(each)  # of several, the mean of those there are

        assert scored(one["metric"], CASES[case]) == pytest.approx(expected, abs=1e-6, nan_ok=True), one

    assert compared


def test_figures_of_columns_are_those_of_addons() -> None:
    compared = [one for one in SAVED if isinstance(one["figure"], list)]
    for one in compared:
        case, metric = CASES[one["case"]], find_metric(one["metric"])
        truth, prediction = np.array(case["truth"]), np.array(case["prediction"], np.float32)
        weights = np.array(case["weights"]) if "weights" in case else None

        assert numbers(one["figure"]) == pytest.approx(
            metric.function(truth, prediction, weights), abs=1e-6, nan_ok=True
        )

    assert {"addons/F1Score", "addons/RSquare:multioutput=raw_values"} <= {one["metric"] for one in compared}


@pytest.mark.addons
def test_saved_figures_are_what_addons_computes() -> None:
    pytest.importorskip("tensorflow_addons")
    made = figures(imported())

    assert [(one["case"], one["metric"]) for one in SAVED] == [(one["case"], one["metric"]) for one in made]
    for saved, computed in zip(SAVED, made, strict=True):
        assert numbers(saved["figure"]) == pytest.approx(numbers(computed["figure"]), abs=1e-6, nan_ok=True), saved


def test_every_metric_that_the_table_accepts_is_in_the_registry_with_its_arguments() -> None:
    for addon in addons("metric"):
        name = f"addons/{addon.name}"
        texts = "".join(f":{text}={addon.choices[text][0]}" for text in addon.required)
        if addon.reason:
            with pytest.raises(SpecError, match=f"{name} is no metric: {addon.reason}"):
                find_metric(name)
            continue
        found = find_metric(name + texts).function
        kind = type(found.keywords["given"]) if isinstance(found, partial) else None
        if not texts and addon.arguments:
            first = next(iter(addon.arguments))
            kind = type(find_metric(f"{name}:{first}={_some(addon.name, first)}").function.keywords["given"])  # type: ignore[union-attr]

        assert set(addon.arguments) == set(kind.__struct_fields__ if kind else ())


def _some(name: str, argument: str) -> str:
    addon = find_addon("metric", name)
    return addon.choices[argument][0] if argument in addon.choices else "0.5"


def test_one_unit_and_two_units_of_two_classes_are_judged_alike() -> None:
    target = Classes(names=("no", "yes"))
    chances = np.array([[0.2], [0.9], [0.6], [0.4]], np.float32)
    truth = np.array([0, 1, 0, 1])
    one = Head(name="classes", units=1, activation="sigmoid").predictions(chances)
    two = Head(name="classes", units=2, activation="softmax").predictions(
        np.concatenate([1 - chances, chances], axis=1)
    )
    for name in ("addons/F1Score:average=micro", "addons/HammingLoss:mode=multiclass", "addons/CohenKappa"):
        metric = find_metric(name)

        assert judge(target, metric, truth, one) == judge(target, metric, truth, two)


def test_numbers_of_grades_are_judged_as_the_nearest_grade_and_correlated_as_they_are() -> None:
    target = Grades(names=("low", "middle", "high"))
    truth, outputs = np.array([0, 1, 2, 2]), np.array([[0.2], [0.6], [1.7], [1.4]], np.float32)
    ranges = "actual_max=2:preds_max=2:actual_cutpoints=5:preds_cutpoints=5"

    assert judge(target, find_metric("addons/CohenKappa"), truth, outputs).value == pytest.approx(0.6363636)
    assert judge(target, find_metric(f"addons/SpearmansRank:{ranges}"), truth, outputs).value == pytest.approx(
        0.9486833
    )


def test_metrics_are_refused_for_targets_that_they_do_not_judge() -> None:
    tags, classes = Tags(names=("a", "b")), Classes(names=("a", "b"))
    some = np.full((2, 2), 0.5, np.float32)
    for target, name in (
        (tags, "addons/MatthewsCorrelationCoefficient"),
        (tags, "addons/HammingLoss:mode=multiclass"),
        (classes, "addons/RSquare"),
        (classes, "addons/PearsonsCorrelation"),
    ):
        with pytest.raises(SpecError, match=f"metric {name} does not fit"):
            judge(target, find_metric(name), np.zeros(2, int), some)


def test_numbers_at_the_upper_end_of_a_wide_range_are_in_the_last_interval() -> None:
    values = np.array([[0.0], [30.0], [100.0]])
    ranges = "actual_max=100:preds_max=100"

    assert 1 == find_metric(f"addons/KendallsTauB:{ranges}").score(values, values).value
