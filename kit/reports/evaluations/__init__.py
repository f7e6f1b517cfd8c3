"""Reports of evaluations, one module for each kind of target, found by walking this package."""

from __future__ import annotations

import functools
from typing import Any

from kit.evaluation.evaluate import Evaluation
from kit.reports.evaluations.report import EvaluationReport
from kit.targets.kinds import classes_by_kind

__all__ = ["EvaluationReport", "report_of"]


def report_of(evaluation: Evaluation) -> EvaluationReport[Any]:
    """Return the report of an evaluation's kind of target; metrics and predictions alone where there is none.

    Args:
        evaluation: Evaluation from `kit.evaluate`.
    """
    return _by_kind().get(evaluation.scores.target.kind(), EvaluationReport)(evaluation)


@functools.cache
def _by_kind() -> dict[str, type[EvaluationReport[Any]]]:
    return classes_by_kind(EvaluationReport, __name__)
