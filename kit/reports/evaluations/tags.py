"""Report of predicted tags."""

from __future__ import annotations

from typing import ClassVar

from kit.evaluation.tag_measures import TagMeasures
from kit.reports.evaluations.report import EvaluationReport


class TagsReport(EvaluationReport[TagMeasures]):
    """Tables, pictures and files of an evaluation of tags: metrics and predictions alone."""

    kind: ClassVar[str] = "tags"
