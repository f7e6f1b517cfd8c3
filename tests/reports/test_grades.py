"""Tables and pictures of grades: what a person reads off them."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from kit.evaluation.cut_off_curves import measure_cut_offs
from kit.evaluation.grade_errors import expected_grades, grade_distances, numbers_by_grade
from kit.metrics import find_metric
from kit.reports.grade_plots import plot_cut_offs, plot_expected
from kit.reports.grades import (
    curves_csv,
    cut_offs_table,
    distances_csv,
    distances_table,
    expected_csv,
    expected_table,
    rules_csv,
    rules_table,
)
from kit.reports.latex import latex
from kit.targets.grades import Grades
from tests.made import target_predictions

GRADES = Grades(names=("none", "mild_$", "severe"))
CONFUSION = np.array([[5, 2, 1], [0, 6, 0], [0, 4, 2]])


def test_distances_are_shown_up_to_the_farthest_and_written_in_full() -> None:
    table = distances_table(grade_distances(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])))

    assert "grades between the true and the decided one: 0.1250 on average" == table.title
    assert (("0", "7", "87.5%", "87.5%", "0", "0"), ("1", "1", "12.5%", "100.0%", "0", "1")) == table.rows
    rows = list(csv.DictReader(distances_csv(grade_distances(CONFUSION)).splitlines()))
    assert ["0.65", "0.95", "1.0"] == [row["cumulative_share"] for row in rows]
    assert [("0", "0"), ("4", "2"), ("0", "1")] == [(row["too_low"], row["too_high"]) for row in rows]
    assert "% on average" not in latex(distances_table(grade_distances(np.zeros((2, 2), np.int64))))


def test_expected_grades_of_a_grade_without_images_are_dashes_and_empty_cells() -> None:
    expected = expected_grades(np.array([0, 0, 2], np.int32), np.array([0.5, 0.25, 1.5]), 3)
    table = expected_table(expected, GRADES.names)

    assert "expected grade by true grade: 0 is none, 1 is mild_$" == table.title
    assert ("mild_$", "0", *["—"] * 6) == table.rows[1]
    assert ("severe", "1", "1.5000", "—", "1.5000", "1.5000", "1.5000", "-0.5000") == table.rows[2]
    assert "mild_$,0,,,,,," == expected_csv(expected, GRADES.names).splitlines()[2]


@pytest.mark.parametrize("metric", ["qwk", "accuracy"])
def test_rules_and_cut_offs_name_their_metric_once(metric: str) -> None:
    scores = target_predictions(GRADES, 40)
    cut_offs = measure_cut_offs(scores, find_metric(metric))
    assert cut_offs is not None
    rules, written = rules_table(cut_offs), list(csv.DictReader(rules_csv(cut_offs, GRADES.names).splitlines()))
    curves = list(csv.DictReader(curves_csv(cut_offs, GRADES.names).splitlines()))

    assert ("rule", *dict.fromkeys((metric, "accuracy")), "mean distance") == rules.columns
    assert [row[0] for row in rules.rows] == [row["rule"] for row in written]
    assert [*map(str, cut_offs.fitted)] == [written[2]["from mild_$"], written[2]["from severe"]]
    assert ["mild_$", "severe"] == [row[0] for row in cut_offs_table(cut_offs, GRADES.names).rows]
    assert {("half-way", "mild_$"), ("half-way", "severe"), ("fitted", "mild_$"), ("fitted", "severe")} == {
        (row["others"], row["from"]) for row in curves
    }
    spans = [row[-1].split(" to ") for row in cut_offs_table(cut_offs, GRADES.names).rows]
    assert all(
        float(low) <= round(at, 4) <= float(high) for at, (low, high) in zip(cut_offs.fitted, spans, strict=True)
    )
    best = max(float(row[metric]) for row in curves)
    assert best == pytest.approx(float(written[2][metric]))


def test_pictures_of_grades_are_drawn_without_images_of_a_grade_and_without_any() -> None:
    scores = target_predictions(GRADES, 40)
    cut_offs = measure_cut_offs(scores, find_metric("qwk"))
    assert cut_offs is not None
    numbers = numbers_by_grade(np.zeros(40, np.int32), GRADES.numbers(scores.outputs), 3)
    drawn = [plot_expected(given, GRADES.names, "title", "expected") for given in (numbers, [np.zeros(0)] * 3)]

    assert all(each.startswith(b"\x89PNG") for each in (*drawn, plot_cut_offs(cut_offs, GRADES.names, "title")))
    assert len(drawn[0]) > len(drawn[1])
