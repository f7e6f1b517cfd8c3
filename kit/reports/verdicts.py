"""A comparison's two tables: the verdicts, and the other figures of the arms."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from kit.comparison import Comparison
from kit.comparison.difference import Difference
from kit.comparison.summary import ArmSummary
from kit.comparison.trajectory import on_train
from kit.reports.measured import arm_lines, mean_and_sd
from kit.reports.table import NOTHING, Table, exact
from kit.runs.figure import Figure

_FIGURES = ("last", "best", "accuracy", "val_accuracy", "loss", "val_loss", "gap", "volatility", "seconds_per_epoch")
_OTHERS = {
    "accuracy": "accuracy",
    "val_accuracy": "val\naccuracy",
    "loss": "loss",
    "val_loss": "val loss",
    "gap": "gap",
    "volatility": "vola-\ntility",
    "parameters": "para-\nmeters",
    "seconds_per_epoch": "s/epoch",
}
_TEST = ("mean", "low", "high", "p", "p_holm", "probability", "n", "method", "further_seeds")
_DELTA, _VERDICT = "Δ, 95 %\ninterval", "verdict"
_WIDTH, _ROOM = 16, 36  # characters of a line of a verdict, beside the columns of a test and without them
_SMALLEST = 0.0001  # probability that four digits show


def verdict_table(comparison: Comparison, most: int | None = None) -> Table:
    """Lay out the chosen metric, its paired difference from the baseline and the verdict, a row an arm.

    A column that no arm has a value for is left out; of more than `most` arms, those with the best means are shown.
    """
    columns = (
        "n",
        "last\nepoch",
        "best\nepoch",
        _DELTA,
        "p\n(Holm)",
        "P\n(better)",
        _VERDICT,
    )
    title = f"{comparison.metric}, mean ± sd over n runs"
    if len(comparison.arms) > 1:
        title += "; Δ from the first arm, paired by seed"
    arms = _shown(comparison, most)
    is_tested = any(arm.difference and arm.difference.p is not None for arm in arms)
    rows = [_verdict_row(arm, _WIDTH if is_tested else _ROOM) for arm in arms]
    return _table(_of(title, comparison, arms), columns, arms, rows)


def figure_table(comparison: Comparison, most: int | None = None) -> Table:
    """Lay out the other figures of the last epoch; see `verdict_table`."""
    names = [name for name in _OTHERS if name != comparison.metric]
    arms = _shown(comparison, most)
    rows = [_figure_row(arm, names) for arm in arms]
    title = f"last epoch; gap and volatility are of {on_train(comparison.metric)}"
    return _table(_of(title, comparison, arms), [_OTHERS[name] for name in names], arms, rows)


def exact_table(comparison: Comparison) -> Table:
    """Lay out all of both tables with every digit, a value a cell."""
    images = {found.arm: found for found in comparison.images}
    columns = ["arm", "n", "metric"]
    columns += [f"{name}_{part}" for name in _FIGURES for part in ("mean", "sd")]
    columns += [f"difference_{part}" for part in _TEST]
    columns += ["outcome", "verdict", "parameters"]
    columns += ["seed", "images", "only_here", "only_baseline", "p_mcnemar"]
    rows = []
    for arm in comparison.arms:
        found = images.get(arm.name)
        values: list[object] = [arm.name, arm.n, comparison.metric]
        for name in _FIGURES:
            figure: Figure | None = getattr(arm, name)
            values += [None, None] if figure is None else [figure.mean, figure.sd]
        values += [getattr(arm.difference, part, None) for part in _TEST]
        values += [arm.verdict.outcome, arm.verdict.words, arm.parameters]
        values += [found.seed, found.images, found.only_here, found.only_baseline, found.p] if found else [None] * 5
        rows.append(tuple(map(exact, values)))
    return Table("", tuple(columns), tuple(rows))


def chance(probability: float | None) -> str:
    """Write a probability with four digits; one that is nearly 0 or 1 is not written as if it were."""
    if probability is None or math.isnan(probability):
        return NOTHING
    if probability < _SMALLEST:
        return f"<{_SMALLEST}"
    return f">{1 - _SMALLEST}" if 1 - _SMALLEST < probability < 1 else f"{probability:.4f}"


def interval(mean: float, low: float | None, high: float | None) -> str:
    """Write a difference and below it its interval, if there is one."""
    if low is None or high is None:
        return f"{mean:+.4f}"
    return f"{mean:+.4f}\n[{low:+.4f},\n{high:+.4f}]"


def _shown(comparison: Comparison, most: int | None) -> list[ArmSummary]:
    """Choose the baseline and the best, in their order."""
    chosen = set(comparison.ranked()[:most])
    return [arm for arm in comparison.arms if arm.name in chosen]


def _of(title: str, comparison: Comparison, shown: Sequence[ArmSummary]) -> str:
    others = len(comparison.arms) - 1
    return title if len(shown) > others else f"{title}; {len(shown) - 1} best of {others:,}"


def _verdict_row(arm: ArmSummary, width: int) -> tuple[str, ...]:
    found = arm.difference
    return (
        str(arm.n),
        mean_and_sd(arm.last, 4),
        mean_and_sd(arm.best, 4),
        _difference(found),
        chance(found.p_holm if found else None),
        chance(found.probability if found else None),
        "\n".join(textwrap.wrap(arm.verdict.words, width)),
    )


def _difference(found: Difference | None) -> str:
    return NOTHING if found is None else interval(found.mean, found.low, found.high)


def _figure_row(arm: ArmSummary, names: Sequence[str]) -> tuple[str, ...]:
    cells = {name: mean_and_sd(getattr(arm, name), 4) for name in names if name != "parameters"}
    cells["parameters"] = NOTHING if arm.parameters is None else f"{arm.parameters:,}"
    cells["seconds_per_epoch"] = mean_and_sd(arm.seconds_per_epoch, 2)
    return tuple(cells[name] for name in names)


def _table(title: str, columns: Sequence[str], arms: Sequence[ArmSummary], rows: Sequence[tuple[str, ...]]) -> Table:
    """Put the arms' names in front, and leave out columns without a value."""
    shown = [place for place in range(len(columns)) if any(row[place] != NOTHING for row in rows)]
    return Table(
        title,
        ("arm", *(columns[place] for place in shown)),
        tuple((arm_lines(arm.name), *(row[place] for place in shown)) for arm, row in zip(arms, rows, strict=True)),
        kept=(_DELTA, _VERDICT),
    )
