"""Report of predicted grades."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from kit.evaluation.cut_off_curves import CutOffs
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
from kit.reports.matrix import READABLE
from kit.reports.mistakes import mistakes_table
from kit.reports.page import Picture, Section
from kit.reports.table import Table

_DISTANCES, _EXPECTED = "distances.csv", "expected_grades.csv"
_ROWS = 10  # distances on the screen where there are many grades


class GradesReport(ClassesReport):
    """Tables, pictures and files of an evaluation of grades: those of classes, distances, and cut-offs."""

    kind: ClassVar[str] = "grades"

    @property
    def grades(self) -> GradeMeasures:
        """Measures of the grades."""
        return cast("GradeMeasures", self.measures)

    def tables(self) -> list[Table]:
        """Build the tables of classes, distances, expected grades, and a metric against cut-offs."""
        return [*super().tables(), self._distances(), self._expected(), *self._cut_offs()]

    def screen(self) -> list[Table]:
        """Build the same tables; of over twenty grades those of classes and distances, shortened."""
        is_few = len(self.grades.classes) <= MANY
        return self.tables() if is_few else [*super().screen(), self._distances().head(_ROWS, _DISTANCES)]

    def files(self) -> dict[str, str]:
        """Build the files of classes, and those of distances, expected grades and cut-offs, as CSV."""
        grades, names = self.grades, self.grades.classes
        files = {
            **super().files(),
            _DISTANCES: distances_csv(grades.distances),
            _EXPECTED: expected_csv(grades.expected, names),
        }
        if grades.cut_offs:
            files["decision_rules.csv"] = rules_csv(grades.cut_offs, names)
            files["cut_offs.csv"] = curves_csv(grades.cut_offs, names)
        return files

    def pictures(self) -> dict[str, Picture]:
        """Draw the pictures of classes, expected grades of up to thirty, and a metric against cut-offs."""
        drawn = super().pictures()
        if len(self.grades.classes) <= READABLE:
            drawn["expected_grades.png"] = self._plot_expected()
        if self.grades.cut_offs:
            drawn["cut_offs.png"] = self._plot_cut_offs(self.grades.cut_offs)
        return drawn

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of classes, with those of distances and cut-offs after the confusion matrix."""
        first, *others = super().sections(pictures)
        tables = (self._distances().head(MANY, _DISTANCES), self._expected().head(MANY, _EXPECTED))
        return [
            first,
            Section("Distances", (*tables, *some(pictures, "expected_grades.png"))),
            Section("Cut-offs", (*self._cut_offs(), *some(pictures, "cut_offs.png"))),
            *others,
        ]

    def _distances(self) -> Table:
        return distances_table(self.grades.distances)

    def _expected(self) -> Table:
        return expected_table(self.grades.expected, self.grades.classes)

    def _cut_offs(self) -> list[Table]:
        cut_offs = self.grades.cut_offs
        return [rules_table(cut_offs), cut_offs_table(cut_offs, self.grades.classes)] if cut_offs else []

    def _plot_expected(self) -> Picture:
        grades, names = self.grades, self.grades.classes
        by_grade = numbers_by_grade(grades.scores.labels, grades.numbers, len(names))
        word = "expected grade" if grades.scores.are_probabilities else "predicted number"
        picture = plot_expected(by_grade, names, f"{word} by true grade\n{self.title}", word)
        return Picture(picture, f"{word} by true grade, {self.title}")

    def _plot_cut_offs(self, cut_offs: CutOffs) -> Picture:
        against = f"{cut_offs.metric.name} against cut-offs"
        picture = plot_cut_offs(cut_offs, self.grades.classes, f"{against}\n{self.title}")
        return Picture(picture, f"{against}, {self.title}")

    def _mistakes(self) -> Table:
        return mistakes_table(self.measures.scores, self.measures.mistakes, self.measures.classes, "farthest")
