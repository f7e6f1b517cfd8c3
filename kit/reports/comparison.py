"""A comparison as tables and curves."""

from __future__ import annotations

import math
import re
from pathlib import Path

from kit.ablation import Comparison
from kit.ablation.comparison import ArmSummary
from kit.ablation.statistics import Difference, Figure
from kit.files import write_whole
from kit.reports.curves import plot_arm, plot_arms
from kit.reports.table import NOTHING, Table

_FIGURES = (
    "accuracy",
    "val_accuracy",
    "best_val_accuracy",
    "loss",
    "val_loss",
    "gap",
    "volatility",
    "seconds_per_epoch",
)
_COLUMNS = {
    "accuracy": "accuracy",
    "val_accuracy": "val\naccuracy",
    "best_val_accuracy": "best val\naccuracy",
    "difference": "Δ val accuracy\n95 % interval",
    "loss": "loss",
    "val_loss": "val loss",
    "gap": "gap",
    "volatility": "volatility",
    "parameters": "parameters",
    "seconds_per_epoch": "s/epoch",
}


def comparison_table(comparison: Comparison) -> Table:
    """Lay out a row an arm: mean ± sample standard deviation of the last epoch over n runs.

    A column that no arm has a value for is left out.
    """
    cells = [_cells(arm) for arm in comparison.arms]
    shown = [name for name in _COLUMNS if any(row[name] != NOTHING for row in cells)]
    rows = tuple(
        (arm.name.replace(",", ",\n"), str(arm.n), *(row[name] for name in shown))
        for arm, row in zip(comparison.arms, cells, strict=True)
    )
    return Table("", ("arm", "n", *(_COLUMNS[name] for name in shown)), rows)


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write comparison.csv (full precision), comparison.md, and curves of each arm and of all arms as PNG.

    Returns:
        The files, in that order.
    """
    table, text = folder / "comparison.csv", folder / "comparison.md"
    write_whole(table, _exact_table(comparison).csv())
    write_whole(text, comparison_table(comparison).markdown())
    together = folder / "curves.png"
    write_whole(together, plot_arms(comparison))
    files = [table, text, together]
    for arm in comparison.arms:
        path = folder / f"curves-{_file_name(arm.name)}.png"
        write_whole(path, plot_arm(comparison, arm.name))
        files.append(path)
    return files


def _cells(arm: ArmSummary) -> dict[str, str]:
    cells = {name: _mean_and_sd(getattr(arm, name), 4) for name in _FIGURES}
    cells["seconds_per_epoch"] = _mean_and_sd(arm.seconds_per_epoch, 2)
    cells["difference"] = _interval(arm.difference)
    cells["parameters"] = NOTHING if arm.parameters is None else f"{arm.parameters:,}"
    return cells


def _mean_and_sd(figure: Figure | None, digits: int) -> str:
    if figure is None or math.isnan(figure.mean):
        return NOTHING if figure is None else "nan"
    mean = f"{figure.mean:.{digits}f}"
    return mean if figure.sd is None else f"{mean}\n± {figure.sd:.{digits}f}"


def _interval(difference: Difference | None) -> str:
    if difference is None:
        return NOTHING
    return f"{difference.mean:+.4f}\n[{difference.low:+.4f}, {difference.high:+.4f}]"


def _exact_table(comparison: Comparison) -> Table:
    columns = ["arm", "n"]
    columns += [f"{name}_{part}" for name in _FIGURES for part in ("mean", "sd")]
    columns += ["difference_mean", "difference_low", "difference_high", "parameters"]
    return Table("", tuple(columns), tuple(_exact_row(arm) for arm in comparison.arms))


def _exact_row(arm: ArmSummary) -> tuple[str, ...]:
    values: list[float | None] = []
    for name in _FIGURES:
        figure: Figure | None = getattr(arm, name)
        values += [None, None] if figure is None else [figure.mean, figure.sd]
    difference = arm.difference
    values += [None] * 3 if difference is None else [difference.mean, difference.low, difference.high]
    values.append(arm.parameters)
    return (arm.name, str(arm.n), *("" if value is None else repr(value) for value in values))


def _file_name(arm: str) -> str:
    return re.sub(r"[^A-Za-z0-9._=,+-]", "-", arm)
