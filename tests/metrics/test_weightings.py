"""Metrics at many weightings of the same images are those of the images, each as often as its weight says."""

from __future__ import annotations

import numpy as np
import pytest

from kit.metrics import Metric, find_metric, forms, metric_names
from kit.metrics.averages import ratio
from kit.metrics.own import own_metric
from kit.metrics.weightings import prepare
from kit.targets import Target
from kit.targets.classes import Classes
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values
from tests.made import target_predictions

TARGETS = (
    Classes(names=("a", "b")),
    Classes(names=("a", "b", "c", "d")),
    Grades(names=("none", "mild", "severe")),
    Tags(names=("dark", "light", "other")),
    Values.of(["count", "size"], ["1 2", "5 9"]),
)
IMAGES = 24


def hits(truth: np.ndarray, decided: np.ndarray) -> float:
    return float(np.mean(truth == decided))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{len(target.names)} {target.kind()}")
@pytest.mark.parametrize("metric", [*map(find_metric, metric_names()), own_metric(hits)], ids=lambda one: one.name)
def test_a_metric_at_weights_is_that_of_images_seen_as_often(target: Target, metric: Metric) -> None:
    if target.kind() not in metric.targets:
        return
    scores = target_predictions(target, IMAGES)
    scores.outputs[:8] = scores.outputs[8:16]  # equal predictions of different labels
    given = target.judged(scores.outputs, metric.judges, guesses=metric.guesses)
    weights = np.random.default_rng(1).multinomial(IMAGES, np.full(IMAGES, 1 / IMAGES), 20).T.astype(float)
    weights[:, :4] *= np.arange(IMAGES)[:, None] < 3  # hardly any image, so that classes and tags are missing
    weights[:, 4] = 1
    rows = [np.repeat(np.arange(IMAGES), each.astype(int)) for each in weights.T]
    expected = [metric.score(scores.labels[each], given[each], columns=target.names).value for each in rows]

    values = prepare(metric, scores.labels, given, target.names).values(weights)

    assert values == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("target", [TARGETS[0], TARGETS[1], TARGETS[3]], ids=lambda target: target.kind())
def test_areas_of_very_many_numbers_are_linear_in_the_weights_and_nearly_the_same(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric, scores = find_metric("auc"), target_predictions(target, 800)
    weights = np.random.default_rng(1).multinomial(800, np.full(800, 1 / 800), 100).T.astype(float)
    weights[:, 0] = 1
    exact = prepare(metric, scores.labels, scores.outputs, target.names).values(weights)
    monkeypatch.setattr(forms, "MOST_IN_CURVES", 100)
    linear = prepare(metric, scores.labels, scores.outputs, target.names).values(weights)
    none = prepare(find_metric("average_precision"), scores.labels, scores.outputs, target.names).values(weights)

    assert exact[0] == pytest.approx(linear[0], rel=1e-9)
    assert (exact - linear).std() < 0.1 * exact.std()
    assert np.isnan(none).all()


@pytest.mark.parametrize(
    "metric", [one for one in map(find_metric, metric_names()) if one.judges == "decisions"], ids=lambda one: one.name
)
def test_a_metric_without_its_checks_is_the_same_number(metric: Metric) -> None:
    target = next(one for one in TARGETS[::-1] if one.takes(metric))
    scores = target_predictions(target, IMAGES)
    decided, weights = target.decide(scores.outputs), np.arange(IMAGES, dtype=np.float64)

    expected = metric.score(scores.labels, decided, weights, columns=target.names)
    found = metric.score_checked(scores.labels, decided, weights, columns=target.names)
    assert expected == found or (np.isnan(expected.value) and np.isnan(found.value))


@pytest.mark.parametrize("above", [0.0, -3.0, 1.0])
@pytest.mark.parametrize("below", [0.0, 3.0, 7.0])
def test_a_ratio_of_two_numbers_is_that_of_arrays(above: float, below: float) -> None:
    alone = ratio(above, below)

    assert np.array_equal(alone, ratio([above], [below])[0], equal_nan=True)
    assert np.float64 is type(alone)
