"""Report of predicted grades."""

from __future__ import annotations

from typing import ClassVar

from kit.reports.evaluations.classes import ClassesReport


class GradesReport(ClassesReport):
    """Tables, pictures and files of an evaluation of grades: those of classes."""

    kind: ClassVar[str] = "grades"
