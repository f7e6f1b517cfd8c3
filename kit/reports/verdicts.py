"""Tables of a comparison: verdicts, steps of a ladder, and other figures of the arms."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from kit.comparison import Comparison
from kit.comparison.arm_summary import ArmSummary
from kit.comparison.paired_t_test import Difference, Verdict
from kit.comparison.pairing import Shared
from kit.comparison.trajectory import on_train
from kit.reports.split_metrics import arm_lines, mean_and_sd
from kit.reports.table import NOTHING, Table
from kit.significance import CONFIDENCE

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
_DELTA, _VERDICT = f"Δ, {CONFIDENCE}\ninterval", "verdict"
_DIFFERENCE = (_DELTA, "p\n(Holm)", "P\n(better)", _VERDICT)
_WIDTH, _ROOM = 16, 36  # characters per line of a verdict, with the columns of a test and without them
RANKED = 12  # arms listed in planned order; more are sorted from best to worst
_SMALLEST = 0.0001  # smallest probability shown with four digits


def verdict_table(comparison: Comparison, most: int | None = None) -> Table:
    """Tabulate the chosen metric, its paired difference from the baseline and the verdict, one row per arm.

    A column without values is left out; of more than `most` arms, those with the best means are shown. A row with a
    difference over part of the runs has its means over the same part, and says so.
    """
    arms = shown_arms(comparison, most)
    width = _verdict_width([arm.difference for arm in arms])
    rows = [_verdict_row(arm, width) for arm in arms]
    last = f"{comparison.weights}\nweights" if comparison.weights else "last\nepoch"
    columns = ("n", last, "best\nepoch", *_DIFFERENCE)
    return _table(_verdict_title(comparison, arms), columns, arms, rows)


def step_tables(comparison: Comparison) -> list[Table]:
    """Tabulate each arm against the previous one, if they were compared; no table otherwise."""
    found = [arm.step for arm in comparison.arms if arm.step]
    width = _verdict_width([step.difference for step in found])
    rows = tuple(
        (
            f"{arm_lines(step.arm)}\nagainst {arm_lines(step.reference)}",
            _pairs(step.shared) if step.shared else NOTHING,
            *_difference_cells(step.difference, step.verdict, width),
        )
        for step in found
    )
    title = f"{comparison.metric}, each arm against the one before, n pairs; p is corrected for both tables' tests"
    return [Table(title, ("arm", "n", *_DIFFERENCE), rows, kept=(_DELTA, _VERDICT))] if rows else []


def figure_table(comparison: Comparison, most: int | None = None) -> Table:
    """Tabulate the other figures of the last epoch; see `verdict_table`."""
    names = [name for name in _OTHERS if name != comparison.metric]
    arms = shown_arms(comparison, most)
    rows = [_figure_row(arm, names) for arm in arms]
    title = f"last epoch; gap and volatility are of {on_train(comparison.metric)}"
    if _are_partial(arms):
        title += "; over all runs"
    return _table(_of(title, comparison, arms), [_OTHERS[name] for name in names], arms, rows)


def chance(probability: float | None) -> str:
    """Format a probability with four digits; values near 0 or 1 are shown as bounds, not as 0 or 1."""
    if probability is None or math.isnan(probability):
        return NOTHING
    if probability < _SMALLEST:
        return f"<{_SMALLEST}"
    return f">{1 - _SMALLEST}" if 1 - _SMALLEST < probability < 1 else f"{probability:.4f}"


def interval(mean: float, low: float | None, high: float | None) -> str:
    """Format a difference, and below it its interval, if known."""
    if low is None or high is None:
        return f"{mean:+.4f}"
    return f"{mean:+.4f}\n[{low:+.4f},\n{high:+.4f}]"


def shown_arms(comparison: Comparison, most: int | None = None) -> list[ArmSummary]:
    """Choose the baseline and the best arms, in planned order, or from best to worst if there are many.

    The steps of a ladder stay in their order.
    """
    names = comparison.ranked()[:most]
    if is_ranked(comparison):
        arms = {arm.name: arm for arm in comparison.arms}
        return [arms[name] for name in names]
    return [arm for arm in comparison.arms if arm.name in set(names)]


def is_ranked(comparison: Comparison) -> bool:
    """Whether tables list arms from best to worst, after the baseline."""
    return len(comparison.arms) > RANKED and not any(arm.step for arm in comparison.arms)


def _of(title: str, comparison: Comparison, shown: Sequence[ArmSummary]) -> str:
    others = len(comparison.arms) - 1
    if is_ranked(comparison):
        title += "; from the best on"
    return title if len(shown) > others else f"{title}; {len(shown) - 1} best of {others:,}"


def _verdict_title(comparison: Comparison, arms: Sequence[ArmSummary]) -> str:
    title = f"{comparison.metric}, mean ± sd over n runs"
    if comparison.weights:
        title += ", of kept predictions"
    if _are_partial(arms):
        title += ", or the pairs there are"
    rates = {f"{arm.base_rate:.4f}" for arm in comparison.arms if arm.base_rate is not None}
    if rates:
        title += f"; base rate {' to '.join(sorted({min(rates), max(rates)}))}"
    if len(comparison.arms) > 1:
        title += "; Δ from the first arm, paired by seed"
    return _of(title, comparison, arms)


def _are_partial(arms: Sequence[ArmSummary]) -> bool:
    return any(arm.shared and not arm.shared.is_whole for arm in arms)


def _verdict_width(differences: Sequence[Difference | None]) -> int:
    return _WIDTH if any(one and one.p is not None for one in differences) else _ROOM


def _verdict_row(arm: ArmSummary, width: int) -> tuple[str, ...]:
    shared = arm.shared
    n, last, best = str(arm.n), arm.last, arm.best
    if shared and not shared.is_whole:
        n, last, best = _pairs(shared), shared.arm.last, shared.arm.best
    return (n, mean_and_sd(last, 4), mean_and_sd(best, 4), *_difference_cells(arm.difference, arm.verdict, width))


def _pairs(shared: Shared) -> str:
    return str(shared.n) if shared.is_whole else f"{shared.n} of {shared.of}\npairs"


def _difference_cells(found: Difference | None, verdict: Verdict, width: int) -> tuple[str, ...]:
    return (
        NOTHING if found is None else interval(found.mean, found.low, found.high),
        chance(found.p_holm if found else None),
        chance(found.probability if found else None),
        "\n".join(textwrap.wrap(verdict.words, width)),
    )


def _figure_row(arm: ArmSummary, names: Sequence[str]) -> tuple[str, ...]:
    cells = {name: mean_and_sd(getattr(arm, name), 4) for name in names if name != "parameters"}
    cells["parameters"] = NOTHING if arm.parameters is None else f"{arm.parameters:,}"
    cells["seconds_per_epoch"] = mean_and_sd(arm.seconds_per_epoch, 2)
    return tuple(cells[name] for name in names)


def _table(title: str, columns: Sequence[str], arms: Sequence[ArmSummary], rows: Sequence[tuple[str, ...]]) -> Table:
    """Add the arms' names as the first column, and leave out columns without values."""
    shown = [index for index in range(len(columns)) if any(row[index] != NOTHING for row in rows)]
    return Table(
        title,
        ("arm", *(columns[index] for index in shown)),
        tuple((arm_lines(arm.name), *(row[index] for index in shown)) for arm, row in zip(arms, rows, strict=True)),
        kept=(_DELTA, _VERDICT),
    )
