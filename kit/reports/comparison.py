"""A comparison as tables and curves."""

from __future__ import annotations

import re
from pathlib import Path

from kit.ablation import Comparison
from kit.ablation.comparison import ArmSummary
from kit.ablation.statistics import Difference, Figure
from kit.files import write_whole
from kit.reports.curves import plot_arm, plot_arms
from kit.reports.measured import arm_lines, figure_tables, mean_and_sd
from kit.reports.page import REPORT, Picture, Section, write_page
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
_LEGEND = (
    "Figures are means ± sample standard deviations over the n runs of an arm, one for each seed, in the last epoch"
    " unless they say otherwise; Δ is the paired difference from the first arm with an interval that holds for all arms"
    " at once: where it spans zero, the runs do not show a difference."
)


def comparison_table(comparison: Comparison) -> Table:
    """Lay out a row an arm: mean ± sample standard deviation of the last epoch over n runs.

    A column that no arm has a value for is left out.
    """
    cells = [_cells(arm) for arm in comparison.arms]
    shown = [name for name in _COLUMNS if any(row[name] != NOTHING for row in cells)]
    rows = tuple(
        (arm_lines(arm.name), str(arm.n), *(row[name] for name in shown))
        for arm, row in zip(comparison.arms, cells, strict=True)
    )
    return Table("", ("arm", "n", *(_COLUMNS[name] for name in shown)), rows)


def comparison_tables(comparison: Comparison) -> list[Table]:
    """Lay out every table: the runs' histories, then what was measured on splits, and what was published."""
    return [comparison_table(comparison), *(table.shown(comparison.arms) for table in figure_tables(comparison))]


def write_comparison(comparison: Comparison, folder: Path, *, html: bool = False) -> list[Path]:
    """Write comparison.csv (full precision), comparison.md, and curves of each arm and of all arms as PNG.

    Then a CSV of each table on splits and of published figures, and with `html` one page of all.

    Returns:
        The files, in that order.
    """
    tables = comparison_tables(comparison)
    curves = {"curves.png": Picture(plot_arms(comparison), "accuracy and loss of all arms, mean over their runs")}
    for arm in comparison.arms:
        runs = f"{arm.n} run{'s' if arm.n > 1 else ''}"
        curves[f"curves-{_file_name(arm.name)}.png"] = Picture(plot_arm(comparison, arm.name), f"{arm.name}, {runs}")
    files: dict[str, str | bytes] = {
        "comparison.csv": _exact_table(comparison).csv(),
        "comparison.md": "\n".join(_markdown(table) for table in tables),
        **{name: picture.png for name, picture in curves.items()},
        **{f"{table.name}.csv": table.exact(comparison.arms).csv() for table in figure_tables(comparison)},
    }
    if html:
        files[REPORT] = _page(comparison, tables, list(curves.values()))
    for name, data in files.items():
        write_whole(folder / name, data)
    return [folder / name for name in files]


def remarks(comparison: Comparison) -> list[str]:
    """Say in a line each what a reader of the tables should know."""
    left_out = f"{len(comparison.unfinished)} unfinished runs were left out; run their command again"
    return [*comparison.remarks, *([left_out] if comparison.unfinished else [])]


def _markdown(table: Table) -> str:
    return f"**{table.title}**\n\n{table.markdown()}" if table.title else table.markdown()


def _page(comparison: Comparison, tables: list[Table], curves: list[Picture]) -> str:
    first, *others = tables
    runs = sum(arm.n for arm in comparison.arms)
    datasets = sorted({run.dataset[0] for run in comparison.trajectories if run.dataset[0]})
    about = f"{len(comparison.arms)} arms, {runs} runs{''.join(f', dataset {name}' for name in datasets)}. {_LEGEND}"
    sections = [Section("Comparison", (about, *remarks(comparison), first))]
    sections += [Section("Splits and published figures", tuple(others))] if others else []
    sections += [Section("Curves of all arms", tuple(curves[:1])), Section("Curves of each arm", tuple(curves[1:]))]
    return write_page(f"Comparison of {', '.join(datasets) or 'histories'}: {runs} runs", sections)


def _cells(arm: ArmSummary) -> dict[str, str]:
    cells = {name: mean_and_sd(getattr(arm, name), 4) for name in _FIGURES}
    cells["seconds_per_epoch"] = mean_and_sd(arm.seconds_per_epoch, 2)
    cells["difference"] = _interval(arm.difference)
    cells["parameters"] = NOTHING if arm.parameters is None else f"{arm.parameters:,}"
    return cells


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
