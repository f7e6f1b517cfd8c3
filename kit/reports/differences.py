"""Paired differences from the baseline with their intervals: a forest plot."""

from __future__ import annotations

from kit.comparison import Comparison
from kit.comparison.difference import Outcome
from kit.comparison.trajectory import smaller_is_better
from kit.reports.figure import BLUE, GREY, ORANGE, middle_cut, new_figure, png

_MOST = 40  # arms that a picture holds
_NAME = 120  # characters of an arm's
_LETTER = 0.065  # inches
_LOOKS: dict[Outcome, tuple[str, str]] = {  # apart in grey, too
    "better": (BLUE, "o"),
    "worse": (ORANGE, "s"),
    "no evidence": (GREY, "D"),
}


def plot_differences(comparison: Comparison) -> bytes | None:
    """Draw each arm's paired difference from the baseline, with its 95 % interval where there is one.

    Of more than 40 arms, those with the best means are drawn.

    Returns:
        A PNG; None where no arm has a difference.
    """
    arms = {arm.name: arm for arm in comparison.arms}
    drawn = [(arm, arm.difference) for name in _shown(comparison) if (arm := arms[name]).difference]
    pairs = [(arm, found) for arm, found in drawn if found]
    if not pairs:
        return None
    names = [f"{middle_cut(arm.name, _NAME)}  (n = {found.n})" for arm, found in pairs]
    figure = new_figure(7 + _LETTER * max(map(len, names)), 1.9 + 0.34 * len(pairs))
    axes = figure.subplots()
    axes.axvline(0, color="black", linewidth=1)
    for place, (arm, found) in enumerate(pairs):
        colour, marker = _LOOKS[arm.verdict.outcome]
        low, high = (found.mean if end is None else end for end in (found.low, found.high))
        axes.errorbar(
            found.mean,
            place,
            xerr=[[found.mean - low], [high - found.mean]],
            color=colour,
            marker=marker,
            markerfacecolor="white" if found.low is None else colour,
            capsize=3,
        )
    axes.set_yticks(range(len(pairs)), names, fontsize=8)
    axes.set_ylim(len(pairs) - 0.4, -0.6)  # the first arm on top
    better = "left" if smaller_is_better(comparison.metric) else "right"
    axes.set_xlabel(f"difference of {comparison.metric} in the last epoch; {better} is better")
    axes.grid(alpha=0.3, axis="x")
    for outcome in dict.fromkeys(arm.verdict.outcome for arm, found in pairs if found.low is not None):
        colour, marker = _LOOKS[outcome]
        axes.plot([], [], color=colour, marker=marker, label=outcome)
    if any(found.low is None for _, found in pairs):
        axes.plot([], [], color=GREY, marker="D", markerfacecolor="white", linestyle="", label="no interval")
    figure.legend(loc="outside lower center", ncols=4)
    figure.suptitle(_title(comparison, len(pairs)), fontsize=10)
    return png(figure)


def _shown(comparison: Comparison) -> list[str]:
    """Name the arms in their order, or the best from the best on if there are too many."""
    others = [arm.name for arm in comparison.arms[1:]]
    return others if len(others) <= _MOST else comparison.ranked()[1 : _MOST + 1]


def _title(comparison: Comparison, drawn: int) -> str:
    others = len(comparison.arms) - 1
    which = f"; the {drawn} best of {others:,} arms" if others > _MOST else ""
    return f"paired differences from {middle_cut(comparison.baseline, _NAME)}\n95 % interval of each arm alone{which}"
