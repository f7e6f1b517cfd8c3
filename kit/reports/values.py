"""Tables of values: errors of each, errors by quantile of the truth, and the worst images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from kit.evaluation.value_errors import QuantileErrors, ValueErrors, WorstValue
from kit.inference.predictions import Predictions
from kit.reports.table import NOTHING, Table, exact

FILE = "value_errors.csv"
_DIGITS = 3  # decimals of a value whose standard deviation is 1 to 10
_SMALL, _LARGE = 1e-5, 1e9  # formats beyond which powers of ten are written


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """Digits that are worth writing of a value.

    Attributes:
        deviation: Standard deviation of the value.
        are_whole: Whether all labels are whole numbers.
    """

    deviation: float
    are_whole: bool = False

    def number(self, value: float | None) -> str:
        """Write a number with as many decimals as the standard deviation is worth; a dash for None.

        >>> ValueFormat(0.17).number(-0.0123456), ValueFormat(12.0).number(1234.5678), ValueFormat(2e-9).number(1.5e-9)
        ('-0.0123', '1,234.57', '1.5e-09')
        """
        if value is None:
            return NOTHING
        if not _SMALL <= self.deviation < _LARGE:
            return f"{value:.{_DIGITS + 1}g}"
        return f"{value:,.{max(0, _DIGITS - math.floor(math.log10(self.deviation)))}f}"

    def truth(self, value: float) -> str:
        """Write a label."""
        return f"{value:,.0f}" if self.are_whole else self.number(value)


def errors_table(errors: Sequence[ValueErrors], formats: Sequence[ValueFormat], shown: Sequence[int]) -> Table:
    """Tabulate the errors of values.

    Args:
        errors: Errors of each value.
        formats: Format of each value.
        shown: Indices of the values to show.
    """
    columns = ("value", "images", "mean", "bias", "RMSE", "MAE", "R²", "Spearman")
    few = f"the {len(shown)} of {len(errors)} values with the largest RMSE in sd; {FILE} has all"
    which = "errors of each value; bias: mean of predicted less true" if len(shown) == len(errors) else few
    return Table(which, columns, tuple(_error_cells(errors[index], formats[index]) for index in shown))


def errors_csv(errors: Sequence[ValueErrors]) -> str:
    """Format the errors of each value as CSV with every digit."""
    return _csv(ValueErrors, errors)


def quantiles_table(errors: Sequence[QuantileErrors], formats: Mapping[str, ValueFormat]) -> Table:
    """Tabulate the errors of values by quantile of the truth, with a column of the value's name if there are several.

    Args:
        errors: Errors of each value by quantile.
        formats: Format of each value by its name.
    """
    is_one = len(formats) == 1
    rows = tuple(
        (
            *(() if is_one else (one.name,)),
            _span(one, formats[one.name]),
            f"{one.images:,}",
            *(formats[one.name].number(each) for each in (one.bias, one.mae, one.rmse)),
        )
        for one in errors
    )
    title = f"errors by fifths of the true {next(iter(formats)) if is_one else 'values'}; equal ones stay together"
    return Table(title, ("value", "true", "images", "bias", "MAE", "RMSE")[is_one:], rows)


def quantiles_csv(errors: Sequence[QuantileErrors]) -> str:
    """Format the errors by quantile as CSV with every digit."""
    return _csv(QuantileErrors, errors)


def worst_table(scores: Predictions, worst: Sequence[WorstValue], formats: Sequence[ValueFormat]) -> Table:
    """Tabulate images with truth, prediction and error of their worst value, which is named if there are several.

    Args:
        scores: Predictions of all images.
        worst: Images in order, each with its worst value.
        formats: Format of each value.
    """
    names = scores.target.names
    rows = tuple(
        (
            scores.keys[one.image],
            *(() if len(names) == 1 else (names[one.column],)),
            *_error_texts(scores, one, formats),
        )
        for one in worst
    )
    columns = ("id", "value", "true", "predicted", "error")
    shown = columns if len(names) > 1 else (columns[0], *columns[2:])
    return Table("images with the largest errors; error: predicted less true", shown, rows)


def worst_captions(
    scores: Predictions, worst: Sequence[WorstValue], formats: Sequence[ValueFormat]
) -> list[tuple[str, str]]:
    """Write truth and prediction of the worst value of images, two or three lines below each key.

    Args:
        scores: Predictions of all images.
        worst: Images in order, each with its worst value.
        formats: Format of each value.
    """
    found = []
    for one in worst:
        true, given, _ = _error_texts(scores, one, formats)
        name = f"{scores.target.names[one.column]}\n" if len(formats) > 1 else ""
        found.append((scores.keys[one.image], f"{name}true {true}\npredicted {given}"))
    return found


def worst_csv(scores: Predictions, worst: Sequence[WorstValue]) -> str:
    """Format the worst value of images as CSV; nine digits tell float32 numbers apart."""
    names = scores.target.names
    rows = tuple(
        (scores.keys[one.image], names[one.column], *(f"{each:.9g}" for each in _error(scores, one))) for one in worst
    )
    return Table("", ("id", "value", "true", "predicted", "error"), rows).csv()


def _error_texts(scores: Predictions, one: WorstValue, formats: Sequence[ValueFormat]) -> tuple[str, str, str]:
    (true, given, error), form = _error(scores, one), formats[one.column]
    return form.truth(true), form.number(given), form.number(error)


def _error_cells(one: ValueErrors, form: ValueFormat) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.images:,}",
        *(form.number(each) for each in (one.mean, one.bias, one.rmse, one.mae)),
        *(NOTHING if each is None else f"{each:z.4f}" for each in (one.r2, one.spearman)),
    )


def _error(scores: Predictions, one: WorstValue) -> tuple[float, float, float]:
    true, given = (float(each[one.image, one.column]) for each in (scores.labels, scores.outputs))
    return true, given, given - true


def _span(one: QuantileErrors, form: ValueFormat) -> str:
    low, high = form.truth(one.lowest), form.truth(one.highest)
    return low if low == high else f"{low} to {high}"


def _csv(kind: type, errors: Sequence[ValueErrors] | Sequence[QuantileErrors]) -> str:
    columns = ("value", *(field.name for field in fields(kind)[1:]))
    return Table("", columns, tuple(tuple(map(exact, astuple(one))) for one in errors)).csv()
