"""Report of predicted values."""

from __future__ import annotations

from typing import ClassVar

from kit.evaluation.value_measures import ValueMeasures
from kit.reports.evaluations.report import EvaluationReport


class ValuesReport(EvaluationReport[ValueMeasures]):
    """Tables, pictures and files of an evaluation of values: metrics and predictions alone."""

    kind: ClassVar[str] = "values"
