"""A metric by subgroup: table, exact CSV, remarks and a forest plot."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evaluation.metric_scores import MetricScore
from kit.evaluation.subgroups import FEWEST_IMAGES, Subgroup, Subgroups
from kit.reports.figure import BLUE, GREY, ORANGE, middle_cut, new_figure, png
from kit.reports.metric_scores import describe_interval
from kit.reports.table import NOTHING, Table, exact
from kit.reports.verdicts import chance
from kit.significance import CONFIDENCE

SUBGROUPS = "subgroups.png"

_MOST_SMALL = 10  # rows of subgroups that are too small to judge
_NAME = 60  # characters of a subgroup's name
_LETTER = 0.065  # inches


def subgroups_table(found: Subgroups, every: MetricScore | None = None) -> Table:
    """Build one row per subgroup; of more than ten that are too small to judge, one row for all.

    Args:
        found: Metric by subgroup.
        every: The metric of all images; None for no row of them.
    """
    small = [row for row in found.rows if row.images < FEWEST_IMAGES]
    shown = [row for row in found.rows if row not in small or len(small) <= _MOST_SMALL]
    rows = [_row(row) for row in shown]
    if len(shown) < len(found.rows):
        images = sum(row.images for row in small)
        rows.append((f"{len(small):,} others", f"{images:,}", NOTHING, NOTHING, NOTHING, NOTHING, _verdict(small[0])))
    if every and every.value is not None:
        interval = describe_interval(every.interval)
        images = sum(row.images for row in found.rows)
        rows.append(("all images", f"{images:,}", f"{every.value:z.4f}", interval, NOTHING, NOTHING, NOTHING))
    columns = (found.column, "images", found.metric, CONFIDENCE, "Δ to the\nrest", "p\n(Holm)", "difference")
    return Table(_title(found), columns, tuple(rows), kept=("difference", found.metric))


def subgroups_csv(found: Subgroups) -> str:
    """Format the table as CSV with every digit."""
    columns = ("subgroup", "images", found.metric, "low", "high", "difference", "p", "p_holm", "stands")
    rows = (
        (
            row.name,
            str(row.images),
            *map(exact, (row.value, *_ends(row), row.difference, row.p, row.p_holm)),
            "" if row.stands is None else str(row.stands).lower(),
        )
        for row in found.rows
    )
    return Table("", columns, tuple(rows)).csv()


def subgroup_remarks(found: Subgroups) -> list[str]:
    """Say in one line how the differences were judged, and which stand."""
    judged = [row for row in found.rows if row.stands is not None]
    standing = [f"{row.name} ({row.difference:+z.4f})" for row in judged if row.stands]
    if not judged:
        return [f"{found.column}: no subgroup could be judged"]
    words = f"{found.permutations:,} permutations of {found.dealt}, Holm's correction for {len(judged)}"
    named = f"different from the rest: {', '.join(standing)}" if standing else "no difference stands"
    return [f"{found.metric} by {found.column}: {named} ({words})"]


def plot_subgroups(found: Subgroups, title: str, every: MetricScore | None = None) -> bytes:
    """Draw each judged subgroup's value with its interval, and a line at that of all images.

    Returns:
        PNG.
    """
    rows = [row for row in found.rows if row.value is not None and row.images >= FEWEST_IMAGES]
    names = [f"{middle_cut(row.name, _NAME)}  (n = {row.images:,})" for row in rows]
    figure = new_figure(6 + _LETTER * max(map(len, names), default=0), 2.1 + 0.34 * max(1, len(rows)))
    axes = figure.subplots()
    if every and every.value is not None:
        axes.axvline(every.value, color="black", linewidth=1, label="all images")
    for index, row in enumerate(rows):
        low, high = _ends(row)
        value = row.value or 0.0
        axes.errorbar(
            value,
            index,
            xerr=None if low is None or high is None else [[max(0.0, value - low)], [max(0.0, high - value)]],
            color=_colour(row, found),
            marker="s" if row.stands else "o",
            capsize=3,
        )
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    axes.set_ylim(max(1, len(rows)) - 0.4, -0.6)
    better = "left" if found.direction == "min" else "right"
    axes.set_xlabel(f"{found.metric} with {CONFIDENCE} interval; {better} is better")
    axes.grid(alpha=0.3, axis="x")
    plain = "not judged" if all(row.stands is None for row in rows) else "no difference stands"
    axes.plot([], [], color=GREY, marker="o", linestyle="", label=plain)
    for colour, label in ((BLUE, "better than the rest"), (ORANGE, "worse than the rest")):
        if colour in {_colour(row, found) for row in rows}:
            axes.plot([], [], color=colour, marker="s", linestyle="", label=label)
    figure.legend(loc="outside lower center", ncols=2)
    figure.suptitle(title, fontsize=10)
    return png(figure)


def _row(row: Subgroup) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.images:,}",
        NOTHING if row.value is None else f"{row.value:z.4f}",
        describe_interval(row.interval),
        NOTHING if row.difference is None else f"{row.difference:+z.4f}",
        chance(row.p_holm),
        _verdict(row),
    )


def _verdict(row: Subgroup) -> str:
    if row.stands is not None:
        return "stands" if row.stands else "does not stand"
    return f"fewer than {FEWEST_IMAGES}" if row.images < FEWEST_IMAGES else "not judged"


def _colour(row: Subgroup, found: Subgroups) -> str:
    if not row.stands or row.difference is None:
        return GREY
    return BLUE if (row.difference > 0) == (found.direction == "max") else ORANGE


def _ends(row: Subgroup) -> tuple[float | None, float | None]:
    return (None, None) if row.interval is None else (row.interval.low, row.interval.high)


def _title(found: Subgroups) -> str:
    return f"{found.metric} by {found.column}, each subgroup beside all other images"


def overall(found: Subgroups, metrics: Sequence[MetricScore]) -> MetricScore | None:
    """Find the metric of all images among those that were computed."""
    return next((one for one in metrics if one.name == found.metric), None)
