"""Tables of values: errors of each, errors by quantile of the truth, and the worst images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields

from kit.evaluation.value_errors import QuantileErrors, ValueErrors, WorstValue
from kit.inference.predictions import Predictions
from kit.reports.table import NOTHING, Table, exact

_DIGITS = 3  # decimals of a value whose standard deviation is 1 to 10
_SMALL, _LARGE = 1e-5, 1e9  # deviations beyond which powers of ten are written


def errors_table(errors: Sequence[ValueErrors], deviations: Sequence[float], shown: Sequence[int]) -> Table:
    """Tabulate the errors of values.

    Args:
        errors: Errors of each value.
        deviations: Standard deviation of each value, which decides how many digits are written.
        shown: Indices of the values to show.
    """
    columns = ("value", "images", "mean", "bias", "RMSE", "MAE", "R²", "Spearman")
    few = f"the {len(shown)} of {len(errors)} values with the largest RMSE in sd; value_errors.csv has all"
    which = "errors of each value; bias: mean of predicted less true" if len(shown) == len(errors) else few
    return Table(which, columns, tuple(_error_cells(errors[index], deviations[index]) for index in shown))


def errors_csv(errors: Sequence[ValueErrors]) -> str:
    """Format the errors of each value as CSV with every digit."""
    return _csv(ValueErrors, errors)


def quantiles_table(errors: Sequence[QuantileErrors], deviations: Mapping[str, float]) -> Table:
    """Tabulate the errors of values by quantile of the truth, with a column of the value's name if there are several.

    Args:
        errors: Errors of each value by quantile.
        deviations: Standard deviation of each value by name, which decides how many digits are written.
    """
    is_one = len(deviations) == 1
    rows = tuple(
        (
            *(() if is_one else (one.name,)),
            _span(one, deviations[one.name]),
            f"{one.images:,}",
            *(digits(each, deviations[one.name]) for each in (one.bias, one.mae, one.rmse)),
        )
        for one in errors
    )
    title = f"errors by fifths of the true {next(iter(deviations)) if is_one else 'values'}; equal ones stay together"
    return Table(title, ("value", "true", "images", "bias", "MAE", "RMSE")[is_one:], rows)


def quantiles_csv(errors: Sequence[QuantileErrors]) -> str:
    """Format the errors by quantile as CSV with every digit."""
    return _csv(QuantileErrors, errors)


def worst_table(scores: Predictions, worst: Sequence[WorstValue], deviations: Sequence[float]) -> Table:
    """Tabulate images with truth, prediction and error of their worst value, which is named if there are several.

    Args:
        scores: Predictions of all images.
        worst: Images in order, each with its worst value.
        deviations: Standard deviation of each value, which decides how many digits are written.
    """
    names = scores.target.names
    rows = tuple(
        (
            scores.keys[one.image],
            *(() if len(names) == 1 else (names[one.column],)),
            *(digits(each, deviations[one.column]) for each in _error(scores, one)),
        )
        for one in worst
    )
    columns = ("id", "value", "true", "predicted", "error")
    shown = columns if len(names) > 1 else (columns[0], *columns[2:])
    return Table("images with the largest errors; error: predicted less true", shown, rows)


def worst_captions(
    scores: Predictions, worst: Sequence[WorstValue], deviations: Sequence[float]
) -> list[tuple[str, str]]:
    """Write truth and prediction of the worst value of images, two or three lines below each key.

    Args:
        scores: Predictions of all images.
        worst: Images in order, each with its worst value.
        deviations: Standard deviation of each value, which decides how many digits are written.
    """
    found = []
    for one in worst:
        true, given, _ = (digits(each, deviations[one.column]) for each in _error(scores, one))
        name = f"{scores.target.names[one.column]}\n" if len(deviations) > 1 else ""
        found.append((scores.keys[one.image], f"{name}true {true}\npredicted {given}"))
    return found


def worst_csv(scores: Predictions, worst: Sequence[WorstValue]) -> str:
    """Format the worst value of images as CSV; nine digits tell float32 numbers apart."""
    names = scores.target.names
    rows = tuple(
        (scores.keys[one.image], names[one.column], *(f"{each:.9g}" for each in _error(scores, one))) for one in worst
    )
    return Table("", ("id", "value", "true", "predicted", "error"), rows).csv()


def digits(value: float | None, deviation: float) -> str:
    """Write a number with as many decimals as its value's standard deviation is worth; a dash for None.

    >>> digits(-0.0123456, 0.17), digits(1234.5678, 12.0), digits(1234567.8, 5e4), digits(1.5e-9, 2e-9)
    ('-0.0123', '1,234.57', '1,234,568', '1.5e-09')
    """
    if value is None:
        return NOTHING
    if not _SMALL <= deviation < _LARGE:
        return f"{value:.{_DIGITS + 1}g}"
    return f"{value:,.{max(0, _DIGITS - math.floor(math.log10(deviation)))}f}"


def _error_cells(one: ValueErrors, deviation: float) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.images:,}",
        *(digits(each, deviation) for each in (one.mean, one.bias, one.rmse, one.mae)),
        *(NOTHING if each is None else f"{each:.4f}" for each in (one.r2, one.spearman)),
    )


def _error(scores: Predictions, one: WorstValue) -> tuple[float, float, float]:
    true, given = (float(each[one.image, one.column]) for each in (scores.labels, scores.outputs))
    return true, given, given - true


def _span(one: QuantileErrors, deviation: float) -> str:
    low, high = digits(one.lowest, deviation), digits(one.highest, deviation)
    return low if low == high else f"{low} to {high}"


def _csv(kind: type, errors: Sequence[ValueErrors] | Sequence[QuantileErrors]) -> str:
    columns = ("value", *(field.name for field in fields(kind)[1:]))
    return Table("", columns, tuple(tuple(map(exact, astuple(one))) for one in errors)).csv()
