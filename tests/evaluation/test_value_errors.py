"""Errors of values, by the figures of scikit-learn, SciPy and pandas."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from kit.evaluation.value_errors import quantile_errors, value_errors, worst_values
from kit.targets.values import Values
from tests.made import target_predictions

NAMES = ("count", "size")
VALUES = Values.of(NAMES, ["1 2", "5 9"])


def test_errors_of_each_value_leave_out_what_is_not_a_number() -> None:
    scores = target_predictions(VALUES, 50)
    scores.outputs[3, 0] = np.nan
    found = value_errors(NAMES, scores.labels, scores.outputs)

    assert [(49, "count"), (50, "size")] == [(one.images, one.name) for one in found]
    for column, one in enumerate(found):
        kept = np.isfinite(scores.outputs[:, column])
        true, predicted = (each[kept, column].astype(float) for each in (scores.labels, scores.outputs))
        assert [one.mean, one.bias, one.rmse, one.mae, one.r2, one.spearman] == pytest.approx(
            [
                true.mean(),
                predicted.mean() - true.mean(),
                sk.root_mean_squared_error(true, predicted),
                sk.mean_absolute_error(true, predicted),
                sk.r2_score(true, predicted),
                stats.spearmanr(true, predicted).statistic,
            ]
        )


def test_values_that_are_all_equal_have_errors_and_no_correlation() -> None:
    (one,) = value_errors(["count"], np.full((4, 1), 2, np.float32), np.arange(4, dtype=np.float32)[:, None])
    (none,) = value_errors(["count"], np.zeros((2, 1), np.float32), np.full((2, 1), np.nan, np.float32))

    assert (1.0, None, None) == (one.mae, one.r2, one.spearman)
    assert (0, None, None) == (none.images, none.mean, none.rmse)


def test_fifths_of_different_values_are_those_of_pandas() -> None:
    scores = target_predictions(VALUES, 100)
    found = quantile_errors(NAMES, scores.labels, scores.outputs)

    assert 10 == len(found)
    for column, name in enumerate(NAMES):
        true, errors = scores.labels[:, column].astype(float), (scores.outputs - scores.labels)[:, column].astype(float)
        frame = pd.DataFrame({"error": errors, "true": true, "part": pd.qcut(true, 5, labels=False)})
        for one, (_, part) in zip((one for one in found if one.name == name), frame.groupby("part"), strict=True):
            assert [one.images, one.lowest, one.highest] == [len(part), part.true.min(), part.true.max()]
            assert [one.bias, one.mae, one.rmse] == pytest.approx(
                [part.error.mean(), part.error.abs().mean(), np.sqrt((part.error**2).mean())], rel=1e-5
            )


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60))
def test_fifths_never_divide_equal_values_and_hold_every_image_once(labels: list[int]) -> None:
    truth = np.array(labels, np.float32)[:, None]
    found = quantile_errors(["count"], truth, truth)

    assert len(labels) == sum(one.images for one in found)
    assert len(found) <= 5
    assert all(one.highest < other.lowest for one, other in itertools.pairwise(found))


def test_many_equal_values_are_a_part_of_their_own() -> None:
    truth = np.array([[-2], [-1], [0], [0], [0], [0], [0], [0], [3], [4]], np.float32)
    found = quantile_errors(["count"], truth, truth + 1)

    assert [(-2, -1, 2), (0, 0, 6), (3, 4, 2)] == [(one.lowest, one.highest, one.images) for one in found]


def test_worst_values_are_compared_in_standard_deviations_and_those_that_are_no_numbers_come_last() -> None:
    truth = np.zeros((4, 2), np.float32)
    predictions = np.array([[1, 500], [np.nan, 900], [-3, 100], [0, -200]], np.float32)
    found = worst_values(truth, predictions, (1.0, 100.0))

    assert [(0, 1), (2, 0), (3, 1), (1, 0)] == [(one.image, one.column) for one in found]
