"""Report of predicted values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from kit.evaluation.value_errors import finite_pair
from kit.evaluation.value_measures import ValueMeasures
from kit.reports.confusion import MANY
from kit.reports.evaluations.report import EvaluationReport, some
from kit.reports.page import Picture, Section
from kit.reports.stored_images import MOST, plot_stored
from kit.reports.table import Table
from kit.reports.value_plots import PANELS, ROWS, DrawnValue, plot_residuals, plot_scatter
from kit.reports.values import (
    FILE,
    ValueFormat,
    errors_csv,
    errors_table,
    quantiles_csv,
    quantiles_table,
    worst_captions,
    worst_csv,
    worst_table,
)

_FEW = 4  # values whose quantiles are on the screen and the page; of more they are in the file
_ROWS = 10  # worst images in the tables


class ValuesReport(EvaluationReport[ValueMeasures]):
    """Tables, pictures and files of an evaluation of values: errors, residuals and worst images."""

    kind: ClassVar[str] = "values"
    broken: ClassVar[str] = "; they are in no error by value"

    @property
    def formats(self) -> list[ValueFormat]:
        """Format of each value."""
        target = self.measures.target
        return [ValueFormat(deviation, target.are_whole) for deviation in target.deviation]

    def tables(self) -> list[Table]:
        """Build the errors of each value, by quantile of the truth, and the worst images."""
        return [self._errors(range(len(self.measures.names))), *self._quantiles(), self._worst()]

    def screen(self) -> list[Table]:
        """Build the same tables; of over twenty values the hardest, and of over four without quantiles."""
        few = self._quantiles() if len(self.measures.names) <= _FEW else []
        return [self._errors(self.measures.hardest(MANY)), *few, self._worst()]

    def files(self) -> dict[str, str]:
        """Build errors, errors by quantile and worst images as CSV."""
        measures = self.measures
        return {
            FILE: errors_csv(measures.errors),
            "errors_by_quantile.csv": quantiles_csv(measures.by_quantile),
            "worst_images.csv": worst_csv(measures.scores, measures.worst[:MOST]),
        }

    def pictures(self) -> dict[str, Picture]:
        """Draw predictions beside the truth, residuals and the worst images."""
        return {
            "scatter.png": self._drawn("predictions beside the truth", plot_scatter, PANELS),
            "residuals.png": self._drawn("residuals", plot_residuals, ROWS),
            "worst_images.png": self._gallery(),
        }

    def first_tables(self) -> list[Table]:
        """Build the errors of each value."""
        return self.tables()[:1]

    def sections(self, pictures: Mapping[str, Picture]) -> list[Section]:
        """Build the sections of scatter, residuals and worst images."""
        few = self._quantiles() if len(self.measures.names) <= _FEW else []
        return [
            Section("Predictions and truth", some(pictures, "scatter.png")),
            Section("Residuals", (*some(pictures, "residuals.png"), *few)),
            Section("Worst images", (*some(pictures, "worst_images.png"), self._worst())),
        ]

    def _errors(self, shown: Sequence[int]) -> Table:
        measures = self.measures
        return errors_table(measures.errors, self.formats, shown)

    def _quantiles(self) -> list[Table]:
        found, formats = self.measures.by_quantile, dict(zip(self.measures.names, self.formats, strict=True))
        return [quantiles_table(found, formats)] if found else []

    def _worst(self) -> Table:
        return worst_table(self.measures.scores, self.measures.worst[:_ROWS], self.formats)

    def _gallery(self) -> Picture:
        measures, evaluation = self.measures, self.evaluation
        worst = measures.worst[:MOST]
        count = "" if len(worst) == measures.images else f"the first {len(worst)} of "
        which = f"{evaluation.split}: {count}{measures.images:,} images, largest errors first"
        captions = worst_captions(measures.scores, worst, self.formats)
        return Picture(plot_stored(evaluation.dataset, evaluation.splits, captions, which), which)

    def _drawn(self, what: str, plot: Callable[[Sequence[DrawnValue], str], bytes], most: int) -> Picture:
        measures = self.measures
        columns, count = measures.hardest(most), len(measures.names)
        few = f": the {most} of {count} values with the largest errors" if len(columns) < count else ""
        picture = plot([self._value(column) for column in columns], f"{what}{few}\n{self.title}")
        return Picture(picture, f"{what}{few}, {self.title}")

    def _value(self, column: int) -> DrawnValue:
        measures = self.measures
        true, predicted = finite_pair(measures.scores.labels, measures.scores.outputs, column)
        return DrawnValue(errors=measures.errors[column], form=self.formats[column], true=true, predicted=predicted)
