"""Forest plot of paired differences from the baseline, or from the previous arm, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.comparison import Comparison
from kit.comparison.paired_t_test import Difference, Outcome
from kit.metrics.direction import smaller_is_better
from kit.reports.figure import BLUE, GREY, ORANGE, middle_cut, new_figure, png
from kit.significance import CONFIDENCE

_MOST = 40  # arms in a picture
_NAME = 120  # characters of an arm's name
_LETTER = 0.065  # inches
_LOOKS: dict[Outcome, tuple[str, str]] = {  # distinct in grey, too
    "better": (BLUE, "o"),
    "worse": (ORANGE, "s"),
    "no evidence": (GREY, "D"),
    "warning": (GREY, "X"),
}
_NAMES: dict[Outcome, str] = {"warning": "neither beats the base rate"}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the plot: its name and difference."""

    name: str
    found: Difference
    outcome: Outcome


def plot_differences(comparison: Comparison) -> bytes | None:
    """Draw each arm's paired difference from the baseline, with its 95 % interval if known.

    Of more than 40 arms, those with the best means are drawn.

    Returns:
        PNG; None if no arm has a difference.
    """
    arms = {arm.name: arm for arm in comparison.arms}
    shown = [arms[name] for name in _shown(comparison)]
    rows = [_Row(arm.name, found, arm.verdict.outcome) for arm in shown if (found := arm.difference)]
    return _plot(rows, comparison.metric, _title(comparison, len(rows)))


def plot_steps(comparison: Comparison) -> bytes | None:
    """Draw each arm's paired difference from the previous arm; None without any."""
    steps = [arm.step for arm in comparison.arms if arm.step]
    rows = [
        _Row(f"{step.arm} against {step.reference}", found, step.verdict.outcome)
        for step in steps
        if (found := step.difference)
    ]
    return _plot(
        rows, comparison.metric, f"paired differences from the arm before\n{CONFIDENCE} interval of each pair alone"
    )


def _plot(rows: Sequence[_Row], metric: str, title: str) -> bytes | None:
    if not rows:
        return None
    names = [f"{middle_cut(row.name, _NAME)}  (n = {row.found.n})" for row in rows]
    figure = new_figure(7 + _LETTER * max(map(len, names)), 1.9 + 0.34 * len(rows))
    axes = figure.subplots()
    axes.axvline(0, color="black", linewidth=1)
    for index, row in enumerate(rows):
        colour, marker = _LOOKS[row.outcome]
        found = row.found
        low, high = (found.mean if end is None else end for end in (found.low, found.high))
        axes.errorbar(
            found.mean,
            index,
            xerr=[[found.mean - low], [high - found.mean]],
            color=colour,
            marker=marker,
            markerfacecolor="white" if found.low is None else colour,
            capsize=3,
        )
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first arm on top
    better = "left" if smaller_is_better(metric) else "right"
    axes.set_xlabel(f"difference of {metric} in the last epoch; {better} is better")
    axes.grid(alpha=0.3, axis="x")
    for outcome in dict.fromkeys(row.outcome for row in rows if row.found.low is not None):
        colour, marker = _LOOKS[outcome]
        axes.plot([], [], color=colour, marker=marker, label=_NAMES.get(outcome, outcome))
    if any(row.found.low is None for row in rows):
        axes.plot([], [], color=GREY, marker="D", markerfacecolor="white", linestyle="", label="no interval")
    figure.legend(loc="outside lower center", ncols=4)
    figure.suptitle(title, fontsize=10)
    return png(figure)


def _shown(comparison: Comparison) -> list[str]:
    """List the arms in their order, or the best ones first if there are too many."""
    others = [arm.name for arm in comparison.arms[1:]]
    return others if len(others) <= _MOST else comparison.ranked()[1 : _MOST + 1]


def _title(comparison: Comparison, drawn: int) -> str:
    others = len(comparison.arms) - 1
    which = f"; the {drawn} best of {others:,} arms" if others > _MOST else ""
    baseline = middle_cut(comparison.baseline, _NAME)
    return f"paired differences from {baseline}\n{CONFIDENCE} interval of each arm alone{which}"
