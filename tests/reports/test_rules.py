"""Rules of decisions in words."""

from __future__ import annotations

import numpy as np

from kit.evaluation.chosen_rule import ChosenRule
from kit.reports.metric_scores import describe_rule
from kit.targets import Decision
from kit.targets.grades import Grades
from kit.targets.tags import Tags


def test_thresholds_that_do_not_fit_into_a_line_are_counted_with_their_range() -> None:
    names = tuple(f"finding number {index}" for index in range(17))
    rule = Decision(thresholds=tuple(np.linspace(0.02, 0.81, 17).tolist()), least=1)
    few, many = (
        describe_rule(ChosenRule(rule=one), Tags(names=given))[0]
        for one, given in ((Decision(thresholds=(0.25, 0.5)), ("haze", "road")), (rule, names))
    )

    assert "decided by haze from 0.25, road from 0.5" == few
    assert "decided by 17 thresholds from 0.02 to 0.81 (all in evaluation.json), at least 1 tags" == many


def test_cut_offs_are_named_by_the_grade_that_they_begin() -> None:
    decided = ChosenRule(rule=Decision(thresholds=(0.5, 1.25)))

    assert ["decided by mid from 0.5, top from 1.25"] == describe_rule(decided, Grades(names=("low", "mid", "top")))
