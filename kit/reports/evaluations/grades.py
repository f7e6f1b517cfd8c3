"""Report of predicted grades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from kit.evaluation.grade_errors import numbers_by_grade
from kit.evaluation.grade_measures import GradeMeasures
from kit.reports.confusion import MANY
from kit.reports.evaluations.classes import ClassesReport
from kit.reports.evaluations.report import some
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
from kit.reports.mistakes import mistakes_table
from kit.reports.page import Picture, Section
from kit.reports.table import Table


class GradesReport(ClassesReport):
    """Tables, pictures and files of an evaluation of grades: those of classes, distances, and cut-offs."""

    kind: ClassVar[str] = "grades"

    @property
    def grades(self) -> GradeMeasures:
        """Measures of the grades."""
        return cast("GradeMeasures", self.measures)

    def tables(self) -> list[Table]:
        """Build the tables of classes, distances, expected grades, and a metric against cut-offs."""
        return [*super().tables(), distances_table(self.grades.distances), self._expected(), *self._cut_offs()]

    def screen(self) -> list[Table]:
        """Build the same tables; of over twenty grades those of classes, shortened."""
        return self.tables() if len(self.grades.classes) <= MANY else super().screen()

    def files(self) -> dict[str, str]:
        """Build the files of classes, and those of distances, expected grades and cut-offs, as CSV."""
        grades, names = self.grades, self.grades.classes
        files = {
            **super().files(),
            "distances.csv": distances_csv(grades.distances),
            "expected_grades.csv": expected_csv(grades.expected, names),
        }
        if grades.cut_offs:
            files["decision_rules.csv"] = rules_csv(grades.cut_offs, names)
            files["cut_offs.csv"] = curves_csv(grades.cut_offs, names)
        return files

    def pictures(self) -> dict[str, Picture]:
        """Draw the pictures of classes, the expected grades, and a metric against cut-offs."""
        grades, names = self.grades, self.grades.classes
        by_grade = numbers_by_grade(grades.scores.labels, grades.numbers, len(names))
        word = "expected grade" if grades.scores.are_probabilities else "predicted number"
        expected = plot_expected(by_grade, names, f"{word} by true grade\n{self.title}", word)
        drawn = {"expected_grades.png": Picture(expected, f"{word} by true grade, {self.title}")}
        if grades.cut_offs:
            against = f"{grades.cut_offs.metric.name} against cut-offs"
            picture = plot_cut_offs(grades.cut_offs, names, f"{against}\n{self.title}")
            drawn["cut_offs.png"] = Picture(picture, f"{against}, {self.title}")
        return super().pictures() | drawn

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of classes, with those of distances and cut-offs after the confusion matrix."""
        first, *others = super().sections(pictures)
        tables = (distances_table(self.grades.distances), self._expected())
        return [
            first,
            Section("Distances", (*tables, *some(pictures, "expected_grades.png"))),
            Section("Cut-offs", (*self._cut_offs(), *some(pictures, "cut_offs.png"))),
            *others,
        ]

    def _expected(self) -> Table:
        return expected_table(self.grades.expected, self.grades.classes)

    def _cut_offs(self) -> list[Table]:
        cut_offs = self.grades.cut_offs
        return [rules_table(cut_offs), cut_offs_table(cut_offs, self.grades.classes)] if cut_offs else []

    def _mistakes(self) -> Table:
        return mistakes_table(self.measures.scores, self.measures.mistakes, self.measures.classes, "farthest")
