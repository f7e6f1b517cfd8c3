"""Tables and pictures of values: digits, order, and what is shown of very many."""

from __future__ import annotations

import csv
import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kit.evaluation.value_measures import ValueMeasures
from kit.reports import value_plots
from kit.reports.figure import png
from kit.reports.value_plots import DrawnValue, plot_residuals, plot_scatter
from kit.reports.values import ValueFormat, errors_table, quantiles_table, worst_captions, worst_csv, worst_table
from kit.targets.values import Values
from tests.made import target_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


def _measures(names: Sequence[str], *, deviation: float = 1.0) -> ValueMeasures:
    target = Values(
        names=tuple(names),
        mean=(5.0,) * len(names),
        deviation=(deviation,) * len(names),
        lowest=(0.0,) * len(names),
        highest=(10.0,) * len(names),
    )
    return ValueMeasures(scores=target_predictions(target, 30))


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (-0.0123456, 0.17, "-0.0123"),
        (0.5, 0.001, "0.500000"),
        (1234.5678, 1.0, "1,234.568"),
        (1234567.8, 5e4, "1,234,568"),
        (1.5e-9, 2e-9, "1.5e-09"),
        (2.5e11, 1e11, "2.5e+11"),
        (None, 1.0, "—"),
    ],
)
def test_digits_are_those_that_a_standard_deviation_is_worth(value: float | None, deviation: float, text: str) -> None:
    assert text == ValueFormat(deviation).number(value)


def test_labels_that_are_all_whole_are_written_whole() -> None:
    assert ("1,200", "1,200.00") == (ValueFormat(12.0, are_whole=True).truth(1200), ValueFormat(12.0).truth(1200))


def test_one_value_is_not_named_in_every_row_and_several_are() -> None:
    one, two = _measures(["count"]), _measures(["count", "size"])
    form = ValueFormat(1.0)
    tables = [
        (
            quantiles_table(each.by_quantile, dict.fromkeys(each.names, form)),
            worst_table(each.scores, each.worst[:3], [form] * len(each.names)),
        )
        for each in (one, two)
    ]

    assert ("true", "images", "bias", "MAE", "RMSE") == tables[0][0].columns
    assert ("value", "true", "images", "bias", "MAE", "RMSE") == tables[1][0].columns
    assert ("id", "true", "predicted", "error") == tables[0][1].columns
    assert ("id", "value", "true", "predicted", "error") == tables[1][1].columns
    key, caption = worst_captions(two.scores, two.worst, [form] * 2)[0]
    rows = list(csv.DictReader(worst_csv(two.scores, two.worst).splitlines()))
    assert [key, rows[0]["value"]] == [rows[0]["id"], caption.splitlines()[0]]
    assert abs(float(rows[0]["error"])) == pytest.approx(np.abs(two.scores.outputs - two.scores.labels).max(), rel=1e-6)


def test_of_many_values_the_hardest_are_shown_first() -> None:
    measures = _measures([f"v{number}" for number in range(30)])
    sizes = np.sqrt(((measures.scores.outputs - measures.scores.labels).astype(float) ** 2).mean(axis=0))
    shown = measures.hardest(4)
    table = errors_table(measures.errors, [ValueFormat(1.0)] * 30, shown)

    assert np.argsort(-sizes)[:4].tolist() == shown
    assert list(range(30)) == measures.hardest(30)
    assert [f"v{index}" for index in shown] == [row[0] for row in table.rows]
    assert "the 4 of 30 values" in table.title


def test_pictures_are_drawn_of_points_of_densities_and_of_nothing() -> None:
    (errors,) = _measures(["count $x$"]).errors
    random = np.random.default_rng(0)
    values = []
    for images in (0, 1, 50, 5000):  # residuals that are equal but for rounding
        true = random.normal(size=images)
        values.append(DrawnValue(errors=errors, form=ValueFormat(1.0), true=true, predicted=true + 0.1))

    assert plot_scatter(values, "title").startswith(b"\x89PNG")
    assert plot_residuals(values, "title").startswith(b"\x89PNG")


def test_numbers_below_the_residuals_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    (errors,) = _measures(["angle"]).errors
    predicted = np.linspace(-0.0439, -0.0284, 50)
    figures: list[Figure] = []
    monkeypatch.setattr(value_plots, "png", lambda figure: figures.append(figure) or png(figure))
    plot_residuals([DrawnValue(errors=errors, form=ValueFormat(0.1), true=predicted + 0.1, predicted=predicted)], "")
    ticks = [text.get_window_extent() for text in figures[0].axes[0].get_xticklabels() if text.get_text()]

    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(ticks))
    assert len(ticks) > 2
