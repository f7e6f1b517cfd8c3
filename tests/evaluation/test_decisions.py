"""Rules for decisions that are fitted to a metric: the best there are, by brute force and by SciPy."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn import metrics as sk

from kit.errors import SpecError
from kit.evaluation.cut_offs import Ranking
from kit.evaluation.decisions import crossed_score, fit_decision, parse_decide
from kit.metrics import Metric, find_metric, metric_names
from kit.metrics import metric as metric_of
from kit.targets import NO_DECISION, Decision, Target, judge
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

TWO = Classes(names=("no", "yes"))
TAGS = Tags(names=("a", "b"))
GRADES = Grades(names=("0", "1", "2", "3"))

DECIDED = [name for name in metric_names() if find_metric(name).judges == "decisions"]


def _suiting(target: Target) -> list[str]:
    return [name for name in DECIDED if target.kind() in find_metric(name).targets]


def _score(target: Target, metric: Metric, truth: NDArray, predictions: NDArray, rule: Decision) -> float:
    return judge(target, metric, truth, predictions, decision=rule).value


def _pair(chances: Iterable[float]) -> NDArray[np.float32]:
    second = np.asarray(list(chances), np.float32)
    return np.stack([1 - second, second], axis=1)


def _is_as_good(metric: Metric, value: float, other: float) -> bool:
    sign = 1 if metric.direction == "max" else -1
    return np.isnan(other) or sign * (value - other) > -1e-9


rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=9)


@pytest.mark.parametrize("name", _suiting(TWO))
@settings(max_examples=12, deadline=None)
@given(rows)
def test_no_threshold_of_two_classes_is_better_than_the_fitted_one(name: str, drawn: list[tuple[int, ...]]) -> None:
    metric = find_metric(name)
    truth, predictions = np.array([one for one, _ in drawn]), _pair(chance / 8 for _, chance in drawn)

    fitted = _score(TWO, metric, truth, predictions, fit_decision(TWO, metric, truth, predictions))
    every = [Decision(thresholds=(number / 16,)) for number in range(18)]

    assert all(
        _is_as_good(metric, fitted, _score(TWO, metric, truth, predictions, rule)) for rule in (NO_DECISION, *every)
    )


two_tags = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8
)


def _drawn_tags(drawn: list[tuple[int, ...]]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    table = np.array(drawn)
    return table[:, :2].astype(np.int8), (table[:, 2:] / 6).astype(np.float32)


@pytest.mark.parametrize("name", [name for name in _suiting(TAGS) if not name.startswith(("samples", "accuracy"))])
@settings(max_examples=12, deadline=None)
@given(two_tags)
def test_no_thresholds_of_tags_are_better_where_the_metric_is_of_tags_or_of_all_together(
    name: str, drawn: list[tuple[int, ...]]
) -> None:
    metric = find_metric(name)
    truth, predictions = _drawn_tags(drawn)
    assume(truth.any())  # without tags, deciding for none has no score, and all else 0

    fitted = _score(TAGS, metric, truth, predictions, fit_decision(TAGS, metric, truth, predictions))
    levels = [number / 6 - 0.01 for number in range(8)]
    every = [Decision(thresholds=pair) for pair in itertools.product(levels, levels)]

    assert all(_is_as_good(metric, fitted, _score(TAGS, metric, truth, predictions, rule)) for rule in every)


@pytest.mark.parametrize("name", ["samples_f1", "samples_f2", "accuracy"])
@settings(max_examples=12, deadline=None)
@given(two_tags)
def test_moving_one_tags_threshold_or_limiting_the_tags_betters_no_metric_of_images(
    name: str, drawn: list[tuple[int, ...]]
) -> None:
    metric = find_metric(name)
    truth, predictions = _drawn_tags(drawn)

    rule = fit_decision(TAGS, metric, truth, predictions)
    fitted = _score(TAGS, metric, truth, predictions, rule)
    first, second = rule.thresholds or (0.5, 0.5)
    plain = [(level / 12, second) for level in range(14)] + [(first, level / 12) for level in range(14)]
    limited = [
        Decision(thresholds=rule.thresholds, least=rule.least, most=most) for most in range(max(1, rule.least), 3)
    ]
    others = [Decision(thresholds=pair) for pair in plain] if rule.least == 0 and rule.most is None else limited

    assert all(_is_as_good(metric, fitted, _score(TAGS, metric, truth, predictions, one)) for one in others)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(_suiting(GRADES)), st.integers(0, 10_000), st.integers(1, 40), st.booleans())
def test_no_fitted_rule_is_worse_than_the_targets_own_on_the_data_it_was_fitted_on(
    name: str, seed: int, count: int, is_number: bool
) -> None:
    rng, metric = np.random.default_rng(seed), find_metric(name)
    truth = rng.integers(0, 4, count)
    predictions = rng.dirichlet(np.ones(4), count) if not is_number else rng.normal(1.5, 1.5, (count, 1))

    rule = fit_decision(GRADES, metric, truth, predictions.astype(np.float32))
    scores = [_score(GRADES, metric, truth, predictions.astype(np.float32), one) for one in (rule, NO_DECISION)]

    assert np.isnan(scores[1]) or _is_as_good(metric, *scores)
    assert list(rule.thresholds) == sorted(rule.thresholds)


@pytest.mark.parametrize("seed", range(3))
def test_cut_offs_are_as_good_as_those_of_nelder_and_mead(seed: int) -> None:
    """Kaggle's "OptimizedRounder" minimises the negative kappa from .5, 1.5, … on."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(5, 400, p=[0.5, 0.1, 0.25, 0.05, 0.1])
    numbers = (0.6 * truth + 0.5 + rng.normal(0, 0.7, 400)).astype(np.float32)[:, None]
    target, metric = Grades(names=tuple("01234")), find_metric("qwk")

    def loss(cuts: NDArray[np.float64]) -> float:
        decided = np.searchsorted(np.sort(cuts), numbers[:, 0], side="right")
        return -sk.cohen_kappa_score(truth, decided, weights="quadratic")

    rounder = -minimize(loss, [0.5, 1.5, 2.5, 3.5], method="nelder-mead").fun
    rule = fit_decision(target, metric, truth, numbers)

    assert _score(target, metric, truth, numbers, rule) >= rounder - 1e-9
    assert -loss(np.asarray(rule.thresholds)) == pytest.approx(_score(target, metric, truth, numbers, rule), abs=1e-12)


@pytest.mark.parametrize("name", _suiting(GRADES))
def test_a_metric_of_counted_images_is_the_metric_of_the_images(name: str) -> None:
    rng, metric = np.random.default_rng(3), find_metric(name)
    truth, numbers = rng.integers(0, 3, 50), rng.normal(1.5, 1, 50)

    score = Ranking(metric, truth, numbers, GRADES.names).score((10, 20, 30))
    decided = np.searchsorted((10, 20, 30), np.argsort(np.argsort(numbers)), side="right")

    sign = 1 if metric.direction == "max" else -1

    assert score == pytest.approx(sign * metric.score(truth, decided, columns=GRADES.names).value, abs=1e-12)


def test_a_crossed_score_is_of_rules_that_every_other_fold_gave() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 90)
    second = np.clip(0.2 * truth + rng.uniform(0, 0.5, 90), 0, 1).astype(np.float32)
    folds = np.arange(90, dtype=np.int32) % 3
    flagged = np.zeros(90, int)
    for fold in range(3):
        others = folds != fold
        levels = np.unique(second[others])
        best = max(levels[::-1], key=lambda at: sk.f1_score(truth[others], second[others] >= at))
        flagged[~others] = second[~others] >= best

    crossed = crossed_score(TWO, find_metric("f1"), truth, _pair(second), folds)

    assert crossed is not None
    assert crossed.value == pytest.approx(sk.f1_score(truth, flagged))
    assert crossed_score(TWO, find_metric("f1"), truth, _pair(second), np.zeros(90, np.int32)) is None


def test_crossing_keeps_the_tags_of_every_fold() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 2, (60, 2)).astype(np.int8)
    predictions = np.clip(0.3 * truth + rng.uniform(0, 0.6, (60, 2)), 0, 1).astype(np.float32)
    folds = np.arange(60, dtype=np.int32) % 2
    metric = find_metric("micro_f1")
    rules = [fit_decision(TAGS, metric, truth[folds != fold], predictions[folds != fold]) for fold in range(2)]
    decided = np.where((folds == 0)[:, None], TAGS.decide(predictions, rules[0]), TAGS.decide(predictions, rules[1]))

    crossed = crossed_score(TAGS, metric, truth, predictions, folds)

    assert crossed is not None
    assert crossed.value == pytest.approx(sk.f1_score(truth, decided, average="micro"))


def test_images_that_always_have_a_tag_get_at_least_one() -> None:
    truth = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.int8)
    predictions = np.array([[0.2, 0.1], [0.1, 0.3], [0.6, 0.5], [0.5, 0.6]], np.float32)

    rule = fit_decision(TAGS, find_metric("accuracy"), truth, predictions)

    assert _score(TAGS, find_metric("accuracy"), truth, predictions, rule) == 1
    assert rule.least == 1 or rule.most == 1


def test_a_metric_of_ones_own_is_fitted_too() -> None:
    def cost(truth: NDArray[np.int64], decided: NDArray[np.int64]) -> float:
        return float(np.where(truth == 1, 10 * (decided == 0), decided == 1).mean())

    rng = np.random.default_rng(7)
    truth = rng.integers(0, 2, 300)
    predictions = _pair(np.clip(0.2 * truth + rng.uniform(0, 0.8, 300), 0, 1))
    metric = find_metric(metric_of(direction="min")(cost))

    rule = fit_decision(TWO, metric, truth, predictions)
    best = min(cost(truth, predictions[:, 1] >= at) for at in [*predictions[:, 1], 2])

    assert _score(TWO, metric, truth, predictions, rule) == pytest.approx(best)


def test_nothing_is_fitted_where_nothing_is_decided() -> None:
    values = Values.of(["x"], ["1", "2"])
    three = Classes(names=("a", "b", "c"))
    rng = np.random.default_rng(0)

    assert fit_decision(three, find_metric("accuracy"), np.array([0, 1]), rng.dirichlet(np.ones(3), 2)) == NO_DECISION
    diverged = _pair([np.nan, 0.5])
    assert fit_decision(TWO, find_metric("accuracy"), np.array([0, 1]), diverged) == NO_DECISION
    with pytest.raises(SpecError, match="metric auc judges probabilities"):
        fit_decision(TWO, find_metric("auc"), np.array([0, 1]), _pair([0.1, 0.9]))
    with pytest.raises(SpecError, match="metric accuracy does not fit"):
        fit_decision(values, find_metric("accuracy"), np.zeros((2, 1)), np.zeros((2, 1)))


def test_decide_reads_none_best_and_a_probability() -> None:
    assert parse_decide(None) == parse_decide("none")
    assert parse_decide("best").is_fitted
    assert parse_decide("0.3").rule(TAGS) == Decision(thresholds=(0.3, 0.3))
    assert parse_decide(0.3).rule(TWO) == Decision(thresholds=(0.3,))
    assert parse_decide("none").rule(GRADES) == NO_DECISION
    for wrong in ("1.5", "nan", "-1", "f1", ""):
        with pytest.raises(SpecError, match="decide must be none, best or a probability from 0 to 1"):
            parse_decide(wrong)
    for target in (GRADES, Classes(names=("a", "b", "c"))):
        with pytest.raises(SpecError, match="one threshold does not decide between"):
            parse_decide("0.5").rule(target)
