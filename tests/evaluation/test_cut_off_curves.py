"""A metric against cut-offs, by scikit-learn's kappa of decisions made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from kit.evaluation.cut_off_curves import MOST, measure_cut_offs
from kit.evaluation.decisions import crossed_score, fit_decision
from kit.inference.predictions import Predictions
from kit.metrics import find_metric
from kit.targets import Decision
from kit.targets.grades import Grades
from tests.made import target_predictions

GRADES = Grades(names=("none", "mild", "severe"))
QWK = find_metric("qwk")


def _kappa(scores: Predictions, cut_offs: tuple[float, ...]) -> float:
    decided = np.searchsorted(cut_offs, GRADES.numbers(scores.outputs), side="right")
    return float(sk.cohen_kappa_score(scores.labels, decided, weights="quadratic"))


@pytest.mark.parametrize("number", [False, True])
def test_rules_are_scored_as_scikit_learn_scores_them(number: bool) -> None:
    scores = target_predictions(GRADES, 80, number=number).decided_by(Decision(thresholds=(0.4, 1.2)))
    found = measure_cut_offs(scores, QWK)
    assert found is not None
    rules = {rule.name: rule for rule in found.rules}

    assert ("the likeliest grade" in rules) == (not number)
    assert _kappa(scores, (0.5, 1.5)) == pytest.approx(rules["the nearest grade"].score)
    assert _kappa(scores, (0.4, 1.2)) == pytest.approx(rules["as decided here"].score)
    assert _kappa(scores, found.fitted) == pytest.approx(rules["fitted to these images"].score)
    decided = np.searchsorted((0.4, 1.2), GRADES.numbers(scores.outputs), side="right")
    assert sk.accuracy_score(scores.labels, decided) == pytest.approx(rules["as decided here"].accuracy)
    assert sk.mean_absolute_error(scores.labels, decided) == pytest.approx(rules["as decided here"].distance)
    if not number:
        likeliest = sk.cohen_kappa_score(scores.labels, scores.outputs.argmax(axis=1), weights="quadratic")
        assert likeliest == pytest.approx(rules["the likeliest grade"].score)
    fitted = fit_decision(GRADES, QWK, scores.labels, scores.outputs).thresholds
    assert fitted in {found.fitted, ()}  # nothing where the target's own rule is better


def test_crossed_rules_are_those_of_other_images() -> None:
    scores = target_predictions(GRADES, 60, number=True)
    folds = np.arange(60, dtype=np.int32) // 20
    found = measure_cut_offs(scores, QWK, folds)
    assert found is not None
    decided = np.empty(60, int)
    for fold in range(3):
        others = scores.at(np.flatnonzero(folds != fold))
        without = measure_cut_offs(others, QWK)
        assert without is not None
        decided[folds == fold] = np.searchsorted(without.fitted, scores.outputs[folds == fold, 0], side="right")

    assert sk.cohen_kappa_score(scores.labels, decided, weights="quadratic") == pytest.approx(found.rules[-1].score)
    crossed = crossed_score(GRADES, QWK, scores.labels, scores.outputs, folds)
    assert crossed is not None


def test_curves_move_one_cut_off_between_its_neighbours() -> None:
    scores = target_predictions(GRADES, 50, number=True)
    found = measure_cut_offs(scores, QWK)
    assert found is not None

    for base, curves in ((found.usual, found.from_usual), (found.fitted, found.from_fitted)):
        assert [1, 2] == [curve.grade for curve in curves]
        for index, curve in enumerate(curves):
            rows = [(*base[:index], cut_off, *base[index + 1 :]) for cut_off in curve.cut_offs]
            assert [_kappa(scores, row) for row in rows] == pytest.approx(curve.scores.tolist())
            assert (base[index], base[index]) == (curve.at, curve.cut_offs[np.searchsorted(curve.cut_offs, curve.at)])
            assert curve.best is not None
            assert curve.scores.max() == curve.best[1]
            low, high = curve.plateau(0.01)
            assert low <= curve.at <= high
            within = (curve.cut_offs >= low) & (curve.cut_offs <= high)
            assert (curve.scores[within] >= _kappa(scores, base) - 0.01 - 1e-12).all()
        assert curves[0].cut_offs[-1] == base[1]
        assert curves[1].cut_offs[0] == base[0]
    for curve in found.from_fitted:
        assert curve.best is not None
        assert _kappa(scores, found.fitted) == pytest.approx(curve.best[1])


def test_outputs_that_are_not_numbers_are_left_out_and_too_few_images_or_too_many_grades_have_none() -> None:
    scores = target_predictions(GRADES, 30, number=True)
    scores.outputs[:3] = np.nan
    found, same = (measure_cut_offs(each, QWK) for each in (scores, scores.at(np.arange(3, 30))))
    assert found is not None
    assert same is not None
    many = Grades(names=tuple(map(str, range(MOST + 1))))

    assert same.fitted == found.fitted
    assert measure_cut_offs(scores.at(np.arange(6)), QWK) is None
    assert measure_cut_offs(target_predictions(many, 40), QWK) is None
