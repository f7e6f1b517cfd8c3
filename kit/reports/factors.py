"""Table and picture of the effects of a grid's settings."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from kit.comparison import Comparison
from kit.comparison.factors import Effect, Factors
from kit.reports.figure import BLUE, line_style, middle_cut, new_figure, png
from kit.reports.table import NOTHING, Table, exact
from kit.reports.tiles import wrapped
from kit.reports.verdicts import chance
from kit.runs.mean_and_sd import MeanAndSD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = 4  # panels in a row
_TITLE = 34  # characters above a panel
_INCH = 15  # characters of an inch above all panels
_TICK = 12  # characters below a level
_APART = 0.06  # offset between the lines of an interaction, as a fraction of the step between levels
_TESTED = {"F": "f", "df1": "df1", "df2": "df2", "p": "p", "partial_eta_squared": "share"}
_COLUMNS = ("setting", "value", "n", "mean ± sd", "range", "F", "p\n(Holm)", "partial\nη²")


def factor_tables(comparison: Comparison) -> list[Table]:
    """Tabulate each setting's levels and the strongest interaction; no table for fewer than two settings."""
    factors = comparison.factors
    if factors is None or len(factors.main) < 2:  # noqa: PLR2004 (of one setting the arms' own table says it all)
        return []
    rows = [row for effect in _effects(factors) for row in _rows(effect)]
    return [Table(f"{comparison.metric} by setting: {describe_test(factors)}", _COLUMNS, tuple(rows))]


def describe_test(factors: Factors) -> str:
    """Describe in one line the runs behind the means, and the seeds behind the tests, if any."""
    if not factors.is_tested:
        return f"mean ± sd of all runs with a value; no p: {_missing(factors)}"
    seeds = factors.seeds + len(factors.incomplete)
    if not factors.incomplete:
        return f"mean ± sd of all runs with a value; tested within {seeds} seeds (repeated measures)"
    return f"mean ± sd of, and tests within, {factors.seeds} of {seeds} seeds (repeated measures); {_left_out(factors)}"


def _missing(factors: Factors) -> str:
    if factors.missing:
        verb = "is" if factors.missing == 1 else "are"
        return f"{factors.missing} of {factors.combinations} combinations {verb} missing"
    return f"three seeds with all {factors.combinations} combinations are needed, {factors.seeds or 'none'} here"


def _left_out(factors: Factors) -> str:
    (seed, lacking), *others = factors.incomplete.items()
    settings = (name for effect in factors.main for name in effect.settings)
    named = ",".join(f"{name}={value}" for name, value in zip(settings, lacking, strict=True))
    if not others:
        return f"left out: seed {seed}, without a figure of {named}"
    return f"left out: seeds {', '.join(map(str, factors.incomplete))} (the first has no figure of {named})"


def exact_factors(factors: Factors) -> Table:
    """Build one row per level with every digit."""
    columns = ("settings", "values", "n", "mean", "sd", "range", *_TESTED, "p_holm")
    rows = tuple(
        tuple(
            map(
                exact,
                (
                    " x ".join(effect.settings),
                    " x ".join(level.values),
                    level.n,
                    level.figure.mean,
                    level.figure.sd,
                    effect.size,
                    *(getattr(effect.tested, name, None) for name in _TESTED.values()),
                    effect.p_holm,
                ),
            )
        )
        for effect in _effects(factors)
        for level in effect.levels
    )
    return Table("", columns, rows)


def plot_factors(comparison: Comparison, factors: Factors) -> bytes:
    """Draw each setting's means ± standard deviations on a common scale, and lines for the interaction.

    Returns:
        A PNG.
    """
    effects = _effects(factors)
    wide = min(_PANELS, len(effects))
    tall = -(-len(effects) // wide)
    width = 3.2 * wide + 0.6
    figure = new_figure(width, 3.4 * tall)
    grid = figure.subplots(tall, wide, squeeze=False, sharey=True)
    for axes in grid.flat[len(effects) :]:
        axes.axis("off")
    for axes, effect in zip(grid.flat, effects, strict=False):
        _draw(axes, effect)
        axes.grid(alpha=0.3)
    figure.suptitle(textwrap.fill(describe_test(factors), int(width * _INCH)), fontsize=8)
    for row in grid:
        row[0].set_ylabel(f"{comparison.metric}, mean ± sd")
    return png(figure)


def _effects(factors: Factors) -> list[Effect]:
    return [*factors.main, *([factors.interaction] if factors.interaction else [])]


def _rows(effect: Effect) -> list[tuple[str, ...]]:
    """Build the rows of an effect; the first row alone has what its levels share."""
    f, share = (f"{effect.tested.f:.2f}", f"{effect.tested.share:.3f}") if effect.tested else (NOTHING, NOTHING)
    names = [f"{name} x" for name in effect.settings[:-1]] + [effect.settings[-1]]
    common = (f"{effect.size:.4f}", f, chance(effect.p_holm), share)
    return [
        (
            names[index] if index < len(names) else "",
            " x ".join(level.values),
            str(level.n),
            _mean_and_sd(level.figure),
            *(("",) * len(common) if index else common),
        )
        for index, level in enumerate(effect.levels)
    ]


def _mean_and_sd(figure: MeanAndSD) -> str:
    return f"{figure.mean:.4f}" if figure.sd is None else f"{figure.mean:.4f} ± {figure.sd:.4f}"


def _draw(axes: Axes, effect: Effect) -> None:
    title = " x ".join(middle_cut(name, _TITLE // len(effect.settings)) for name in effect.settings)
    axes.set_title(f"{title}\n{_test(effect)}", fontsize=9)
    first, *others = zip(*(level.values for level in effect.levels), strict=True)
    ticks = list(dict.fromkeys(first))
    lines = list(dict.fromkeys(others[0])) if others else [""]
    for number, line in enumerate(lines):
        levels = [level for level in effect.levels if not others or level.values[1] == line]
        x = [ticks.index(level.values[0]) + _APART * (number - (len(lines) - 1) / 2) for level in levels]
        style = line_style(number, len(levels)) if others else {"color": BLUE, "marker": "o", "linestyle": "-"}
        spread = [level.figure.sd or 0 for level in levels]
        axes.errorbar(x, [level.figure.mean for level in levels], spread, capsize=3, label=line, **style)
    axes.set_xticks(range(len(ticks)), [wrapped(tick, _TICK) for tick in ticks], fontsize=8)
    axes.margins(x=0.15)
    if others:
        axes.legend(title=effect.settings[1], fontsize=8, title_fontsize=8)


def _test(effect: Effect) -> str:
    if effect.tested is None:
        return f"range {effect.size:.4f}"
    return f"range {effect.size:.4f}, p (Holm) {chance(effect.p_holm)}, η² {effect.tested.share:.2f}"
