"""Pictures of values: predictions beside the truth, and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kit.evaluation.value_errors import ValueErrors
from kit.reports.figure import BLUE, GREY, middle_cut, new_figure, png
from kit.reports.table import NOTHING
from kit.reports.values import ValueFormat

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnValue:
    """A value that is drawn.

    Attributes:
        errors: Errors of the value.
        form: Format of the value.
        true: Truth of the images whose prediction is a number, float64 [images].
        predicted: Predictions of the same images, float64 [images].
    """

    errors: ValueErrors
    form: ValueFormat
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @property
    def name(self) -> str:
        """Name of the value, shortened in the middle."""
        return middle_cut(self.errors.name, _NAME)

    @property
    def headline(self) -> str:
        """Number of images, RMSE and R² in one line."""
        r2 = NOTHING if self.errors.r2 is None else f"{self.errors.r2:.3f}"
        return f"n = {self.errors.images:,}, RMSE {self.form.number(self.errors.rmse)}, R² {r2}"


PANELS, ROWS = 9, 6  # most values in a picture of scatters, and of residuals
_COLUMNS = 3
_PANEL, _ROW = 3.1, 2.7  # inches
_POINTS = 4000  # images that are drawn one by one; more become a density
_CELLS, _BARS = 60, 30  # of a density and a histogram
_MARGIN, _EQUAL = 0.04, 1e-9  # margin as a share of the range; range that is rounding, as a share of the largest number
_PALE = 0.3  # images of a cell that would be white: one is visible
_NAME = 28  # characters of a value's name
_TICKS = 5  # steps between numbers such as -0.044 that fit below a residual plot


def plot_scatter(values: Sequence[DrawnValue], title: str) -> bytes:
    """Draw predictions beside the truth with the line on which they are equal, one panel per value.

    Args:
        values: Values to draw, at least one.
        title: Title above the panels.

    Returns:
        A PNG.
    """
    columns = min(_COLUMNS, len(values))
    rows = -(-len(values) // columns)
    side = 5.4 if len(values) == 1 else _PANEL
    figure = new_figure(max(6.0, columns * side), 0.6 + rows * (side + 0.3))
    figure.suptitle(title, fontsize=10, parse_math=False)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, value in zip(panels, values, strict=False):
        _draw_points(axes, value.true, value.predicted)
        low, high = _limits(value.true, value.predicted)
        axes.plot([low, high], [low, high], ":", color=GREY, linewidth=1.4)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.set_title(f"{value.name}\n{value.headline}", fontsize=9, parse_math=False)
        axes.set_xlabel("true")
        axes.set_ylabel("predicted")
    for axes in panels[len(values) :]:
        axes.axis("off")
    return png(figure)


def plot_residuals(values: Sequence[DrawnValue], title: str) -> bytes:
    """Draw residuals, predicted less true, beside the predictions, and their histogram, one row per value.

    Args:
        values: Values to draw, at least one.
        title: Title above the panels.

    Returns:
        A PNG.
    """
    figure = new_figure(6.8, 0.8 + len(values) * _ROW)
    figure.suptitle(title, fontsize=10, parse_math=False)
    panels = figure.subplots(len(values), 2, squeeze=False, sharey="row", width_ratios=(2.6, 1))
    for (left, right), value in zip(panels, values, strict=True):
        residuals = value.predicted - value.true
        _draw_points(left, value.predicted, residuals)
        left.axhline(0, color=GREY, linestyle=":", linewidth=1.4)
        left.set_title(value.name, fontsize=9, parse_math=False)
        left.xaxis.set_major_locator(MaxNLocator(_TICKS))
        left.set_xlabel("predicted")
        left.set_ylabel("predicted - true")
        right.hist(residuals, bins=_BARS, range=_limits(residuals), orientation="horizontal", color=BLUE)
        right.axhline(0, color=GREY, linestyle=":", linewidth=1.4)
        right.set_title(f"bias {value.form.number(value.errors.bias)}", fontsize=9)
        right.set_xlabel("images")
        right.grid(alpha=0.3)
        right.set_axisbelow(True)
    return png(figure)


def _draw_points(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if len(x) > _POINTS:
        axes.hexbin(x, y, gridsize=_CELLS, norm=LogNorm(vmin=_PALE), cmap="Blues", mincnt=1)
    else:
        axes.plot(x, y, "o", color=BLUE, alpha=0.5, markersize=4, markeredgewidth=0)
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)


def _limits(*values: NDArray[np.float64]) -> tuple[float, float]:
    """Choose the ends of an axis, also of values that are all equal or nearly so."""
    every = np.concatenate(values)
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    largest = max(abs(low), abs(high))
    margin = _MARGIN * (high - low) if high - low > _EQUAL * largest else _MARGIN * largest or 1.0
    return low - margin, high + margin
