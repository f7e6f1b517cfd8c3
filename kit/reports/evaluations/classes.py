"""Report of predicted classes: confusion, classification report, curves, calibration and misclassified images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from kit.errors import first_three
from kit.evaluation.class_measures import ClassMeasures
from kit.evaluation.confusion import AVERAGES, confusion_among, most_confused, weakest_classes
from kit.evaluation.roc import KINDS, Kind
from kit.reports.calibration import calibration_table, plot_calibration
from kit.reports.confusion import (
    MANY,
    SCORES,
    confusion_cells,
    confusion_table,
    matrix_csv,
    pairs_csv,
    pairs_table,
    report_table,
    weakest_table,
)
from kit.reports.evaluations.report import EvaluationReport, some
from kit.reports.matrix import CELL, READABLE, SHORT, plot_matrix
from kit.reports.mistakes import describe_count, mistakes_table, plot_mistakes
from kit.reports.page import Picture, Section
from kit.reports.roc import plot_ranking, ranking_table
from kit.reports.stored_images import MOST
from kit.reports.table import NOTHING, Table

_MATRIX, _PAIRS = "confusion_matrix.csv", "confused_pairs.csv"


class ClassesReport(EvaluationReport[ClassMeasures]):
    """Tables, pictures and files of an evaluation of classes or grades; curves and calibration need probabilities."""

    kind: ClassVar[str] = "classes"
    first_pictures: ClassVar[tuple[str, ...]] = ("classification_report.png",)
    broken: ClassVar[str] = "; they count as misclassified, and are in no curve"

    def tables(self) -> list[Table]:
        """Build confusion matrix and classification report; above 1,000 classes pairs in place of the matrix."""
        return [self._confusion(), self._report()]

    def screen(self) -> list[Table]:
        """Build the same tables, or the most confused and the weakest of over twenty classes."""
        return self.tables() if len(self.measures.classes) <= MANY else [self._pairs(), self._weakest()]

    def remarks(self) -> list[str]:
        """Count the misclassified images, and name the classes that no image has."""
        measures = self.measures
        mistakes = f"{len(measures.mistakes):,} of {measures.images:,} images ({1 - measures.accuracy:.1%})"
        lines = [f"misclassified: {mistakes}"]
        if absent := measures.absent:
            named, kind = first_three(absent, len(absent)), measures.scores.target.kind()
            lines.append(f"no image of {named}: means over {kind} leave out those that are not predicted")
        return lines

    def rule_remarks(self) -> list[str]:
        """Describe the threshold that reaches a recall, or the reason why none does."""
        measures = self.measures
        if measures.threshold is not None:
            return [str(measures.threshold)]
        if measures.wanted is None or measures.positive is None:
            return []
        name = measures.classes[measures.positive]
        has_images = measures.report[name]["support"]
        why = "its outputs are not numbers" if has_images else f"{self.evaluation.split} has none of it"
        return [f"no threshold reaches recall {measures.wanted:g} of {measures.noun} {name}: {why}"]

    def files(self) -> dict[str, str]:
        """Build confusion, classification report, curves, calibration and misclassified images as CSV."""
        measures = self.measures
        files = {
            **self._matrix_files(),
            "classification_report.csv": report_table("", measures.report, measures.noun).csv(),
        }
        if measures.has_chances:
            curves = {kind: ranking_table(kind, measures.curves(kind), measures.noun) for kind in KINDS}
            files |= {f"{_file_name(kind)}.csv": table.csv() for kind, table in curves.items()}
            files["calibration.csv"] = calibration_table(measures.calibration).csv()
        return files | {"misclassified.csv": self._mistakes().csv()}

    def pictures(self) -> dict[str, Picture]:
        """Draw confusion, report, curves, calibration and misclassified images; of many classes the worst."""
        measures, title, mistakes = self.measures, self.title, self._mistakes()
        count = f"{self.evaluation.split}: {describe_count(mistakes, measures.images)}"
        drawn = {"classification_report.png": (f"classification report, {title}", self._plot_report())}
        if measures.confused or len(measures.classes) <= READABLE:
            drawn = {"confusion_matrix.png": (f"confusion matrix, {title}", self._plot_confusion()), **drawn}
        if measures.has_chances:
            drawn |= {f"{_file_name(kind)}.png": (f"{kind} curve, {title}", self._plot_ranking(kind)) for kind in KINDS}
            drawn["calibration.png"] = (f"reliability diagram, {title}", plot_calibration(measures.calibration, title))
        gallery = plot_mistakes(self.evaluation.dataset, self.evaluation.splits, mistakes, count)
        drawn["misclassified.png"] = (count, gallery)
        return {name: Picture(png, description) for name, (description, png) in drawn.items()}

    def first_tables(self) -> list[Table]:
        """Build the classification report; of over twenty classes the weakest only, as the file has all."""
        return self.screen()[1:2]

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of confusion, curves, calibration and misclassified images."""
        measures, mistakes = self.measures, self._mistakes()
        calibration = [calibration_table(measures.calibration)] if measures.has_chances else []
        shown = [Table(mistakes.title, mistakes.columns, mistakes.rows[:MOST])] if mistakes.rows else []
        return [
            Section("Confusion matrix", (*self.screen()[:1], *some(pictures, "confusion_matrix.png"))),
            Section("Curves", some(pictures, *(f"{_file_name(kind)}.png" for kind in KINDS))),
            Section("Calibration", (*some(pictures, "calibration.png"), *calibration)),
            Section("Misclassified images", (*some(pictures, "misclassified.png"), *shown)),
        ]

    def _confusion(self) -> Table:
        measures = self.measures
        if not measures.has_matrix:
            return self._pairs()
        return confusion_table(self.title, measures.classes, self._cells(), measures.noun)

    def _pairs(self) -> Table:
        return pairs_table(self.title, self.measures.confused, self.measures.classes, _PAIRS)

    def _report(self) -> Table:
        return report_table(headline(self.measures), self.measures.report, self.measures.noun)

    def _weakest(self) -> Table:
        return weakest_table(self._report(), self.measures.report, self.measures.classes)

    def _mistakes(self) -> Table:
        return mistakes_table(self.measures.scores, self.measures.mistakes, self.measures.classes)

    def _matrix_files(self) -> dict[str, str]:
        measures, classes = self.measures, self.measures.classes
        pairs = {_PAIRS: pairs_csv(measures.confused, classes)} if len(classes) > MANY else {}
        if not measures.has_matrix:
            return pairs
        matrices: dict[str, Any] = {
            _MATRIX: measures.confusion,
            "confusion_matrix_shares.csv": measures.confusion_shares,
        }
        return pairs | {name: matrix_csv(classes, values, measures.noun) for name, values in matrices.items()}

    def _cells(self) -> list[list[str]]:
        return confusion_cells(self.measures.confusion, self.measures.confusion_shares)

    def _plot_confusion(self) -> bytes:
        measures = self.measures
        axis_names = (f"predicted {measures.noun}", f"true {measures.noun}")
        if self._is_large:
            return self._plot_most_confused(axis_names)
        return plot_matrix(
            measures.confusion_shares,
            self._cells(),
            measures.classes,
            measures.classes,
            title=f"{self.title}\nimages, and their share of the true {measures.noun}",
            axis_names=axis_names,
        )

    def _plot_most_confused(self, axis_names: tuple[str, str]) -> bytes:
        measures = self.measures
        indices = most_confused(measures.confused, MANY)
        names = [measures.classes[index] for index in indices]
        counts = confusion_among(measures.scores, indices)
        shares = counts / np.maximum(measures.support[indices], 1)[:, None]
        few = f"the {len(names)} of {self._all} in the most confused pairs"
        return plot_matrix(
            shares,
            [[f"{count:,}" if count else "" for count in row] for row in counts],
            names,
            names,
            title=f"{self.title}\nimages, darker for a larger share of the true {measures.noun}\n{few}",
            axis_names=axis_names,
            cell=SHORT,
        )

    def _plot_report(self) -> bytes:
        report, title, cut = self.measures.report, f"{self.title}\n{headline(self.measures)}", self._is_large
        if cut:
            shown = weakest_classes(report, self.measures.classes)[: READABLE - len(AVERAGES)]
            report = {name: report[name] for name in (*shown, *AVERAGES)}
            title += f"\nthe {len(shown)} lowest f1-scores of {self._all}"
        values = np.array([[row[score] for score in SCORES] for row in report.values()])
        cells = [[f"{value:.3f}" for value in row] for row in values]
        counted = ", n\u00a0=\u00a0" if cut else "\nn = "
        names = tuple(f"{name}{counted}{row['support']:,.0f}" for name, row in report.items())
        return plot_matrix(values, cells, names, SCORES, title=title, cell=SHORT if cut else CELL)

    @property
    def _is_large(self) -> bool:
        """Whether there are too many classes to draw them all."""
        return len(self.measures.classes) > READABLE

    @property
    def _all(self) -> str:
        return f"{len(self.measures.classes):,} {self.measures.scores.target.kind()}"

    def _plot_ranking(self, kind: Kind) -> bytes:
        mark = None
        if (at := self.measures.threshold) is not None and at.specificity is not None:
            x, y = (1 - at.specificity, at.recall) if kind == "ROC" else (at.recall, at.precision)
            mark = (x, y, f"{at.positive} from {at.threshold:.4g} on: recall {at.recall:.4f}")
        return plot_ranking(kind, self.measures.curves(kind), f"{kind} curve\n{self.title}", mark, self.measures.noun)


def headline(measures: ClassMeasures) -> str:
    """Format the summary metrics of classes or grades in one line, those of probabilities if there are any."""
    figures: dict[str, float | None] = {"accuracy": measures.accuracy}
    if measures.has_chances:
        figures |= {
            "loss": measures.scores.loss,
            "AUC": measures.auc,
            "calibration error": measures.calibration.error,
        }
    return ", ".join(f"{name} {NOTHING if value is None else f'{value:.4f}'}" for name, value in figures.items())


def _file_name(kind: Kind) -> str:
    return f"{kind.lower().replace('-', '_')}_curve"
