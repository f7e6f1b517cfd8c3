"""Measures of predicted grades beside the true ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kit.evaluation.class_measures import ClassMeasures


@dataclass(frozen=True, kw_only=True)
class GradeMeasures(ClassMeasures):
    """Measures of predictions of grades; see `ClassMeasures`."""

    kind: ClassVar[str] = "grades"
