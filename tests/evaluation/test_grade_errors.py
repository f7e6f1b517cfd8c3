"""Distances of grades and expected grades, by NumPy's and pandas' figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from kit.evaluation.confusion import confusion_matrix
from kit.evaluation.grade_errors import expected_grades, grade_distances
from kit.targets.grades import Grades
from tests.made import target_predictions

GRADES = Grades(names=("none", "mild", "moderate", "severe"))


@given(seed=st.integers(0, 99), images=st.integers(1, 40))
def test_distances_are_those_of_each_image(seed: int, images: int) -> None:
    scores = target_predictions(GRADES, images, seed=seed)
    found = grade_distances(confusion_matrix(scores, 4))
    apart = scores.predicted - scores.labels

    assert np.bincount(np.abs(apart), minlength=4).tolist() == found.images.tolist()
    assert [0, *(int((apart == step).sum()) for step in (1, 2, 3))] == found.too_high.tolist()
    assert [0, *(int((apart == -step).sum()) for step in (1, 2, 3))] == found.too_low.tolist()
    assert np.abs(apart).max() == found.farthest
    assert sk.mean_absolute_error(scores.labels, scores.predicted) == pytest.approx(found.mean)
    assert [(np.abs(apart) <= step).mean() for step in range(4)] == pytest.approx(found.cumulative.tolist())
    assert found.shares.sum() == pytest.approx(1)


def test_distances_of_no_image_have_no_mean() -> None:
    found = grade_distances(np.zeros((3, 3), np.int64))

    assert (None, 0) == (found.mean, found.farthest)
    assert np.isnan(found.shares).all()


def test_expected_grades_are_summarised_by_true_grade_without_those_that_are_not_numbers() -> None:
    scores = target_predictions(GRADES, 60, number=True)
    scores.labels[scores.labels == 2] = 1
    scores.labels[0] = 3
    scores.outputs[1] = np.nan
    numbers = GRADES.numbers(scores.outputs)
    found = expected_grades(scores.labels, numbers, 4)
    frame = pd.DataFrame({"grade": scores.labels, "number": numbers}).dropna().groupby("grade")["number"]

    for grade, described in frame.describe().iterrows():
        one = found[int(grade)]
        assert [one.images, one.mean, one.sd, *one.quartiles] == pytest.approx(
            described[["count", "mean", "std", "25%", "50%", "75%"]].tolist()
        )
        assert one.bias == pytest.approx(described["mean"] - grade)
    assert (0, None, None, None, None) == (
        *(found[2].images, found[2].mean, found[2].sd),
        *(found[2].quartiles, found[2].bias),
    )
