"""Tables of grades: distances, expected grades, and a metric against cut-offs."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evaluation.cut_off_curves import CutOffCurve, CutOffs, DecisionRule
from kit.evaluation.grade_errors import Distances, ExpectedGrade
from kit.reports.table import NOTHING, Table, exact

CLOSE = 0.01  # difference of a metric that hardly matters


def distances_table(distances: Distances) -> Table:
    """Tabulate images by distance between the true and the decided grade, up to the largest that occurs.

    Args:
        distances: Counts of images by distance.
    """
    shown = distances.farthest + 1
    columns = (distances.images, distances.shares, distances.cumulative, distances.too_low, distances.too_high)
    rows = tuple(
        (str(apart), f"{images:,}", _share(share), _share(cumulative), f"{low:,}", f"{high:,}")
        for apart, (images, share, cumulative, low, high) in enumerate(
            zip(*(column[:shown] for column in columns), strict=True)
        )
    )
    mean = NOTHING if distances.mean is None else f"{distances.mean:.4f}"
    return Table(
        f"grades between the true and the decided one: {mean} on average",
        ("distance", "images", "share", "cumulative", "too low", "too high"),
        rows,
    )


def distances_csv(distances: Distances) -> str:
    """Format all distances as CSV with every digit."""
    columns = (distances.images, distances.shares, distances.cumulative, distances.too_low, distances.too_high)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return Table(
        "",
        ("distance", "images", "share", "cumulative_share", "too_low", "too_high"),
        tuple((str(apart), *map(exact, row)) for apart, row in enumerate(rows)),
    ).csv()


def expected_table(expected: Sequence[ExpectedGrade], names: Sequence[str]) -> Table:
    """Tabulate the expected grades by true grade.

    Args:
        expected: Figures of each grade, from the lowest to the highest.
        names: Names of the grades.
    """
    rows = tuple((names[one.grade], f"{one.images:,}", *map(_number, _figures(one))) for one in expected)
    return Table(
        f"expected grade by true grade{_counted(names)}",
        ("grade", "images", "mean", "sd", "25 %", "median", "75 %", "bias"),
        rows,
    )


def expected_csv(expected: Sequence[ExpectedGrade], names: Sequence[str]) -> str:
    """Format the expected grades as CSV with every digit."""
    rows = tuple((names[one.grade], exact(one.images), *map(exact, _figures(one))) for one in expected)
    return Table(
        "", ("grade", "images", "mean", "sd", "lower_quartile", "median", "upper_quartile", "bias"), rows
    ).csv()


def rules_table(cut_offs: CutOffs) -> Table:
    """Tabulate the metric by rule: the usual ones, and fitted cut-offs.

    Args:
        cut_offs: Metric against cut-offs.
    """
    metric = cut_offs.metric.name
    rows = tuple((rule.name, *map(_number, _judged(rule, metric).values())) for rule in cut_offs.rules)
    title = f"{metric} by rule; of fitted cut-offs, expect what those fitted to other images reach"
    return Table(title, ("rule", *_judged(cut_offs.rules[0], metric)), rows)


def cut_offs_table(cut_offs: CutOffs, names: Sequence[str]) -> Table:
    """Tabulate each cut-off on the expected grade: where it is, what moving it alone gains, and its plateau.

    Args:
        cut_offs: Metric against cut-offs.
        names: Names of the grades.
    """
    metric = cut_offs.metric.name
    rows = tuple(
        (names[usual.grade], f"{usual.at:g}", *_moved(usual), f"{fitted.at:.4f}", _plateau(fitted))
        for usual, fitted in zip(cut_offs.from_usual, cut_offs.from_fitted, strict=True)
    )
    return Table(
        f"cut-offs on the expected grade, and where {metric} stays within {CLOSE:g} of fitted",
        ("from grade", "half-way", "best alone", f"{metric} then", "fitted", f"within {CLOSE:g}"),
        rows,
    )


def rules_csv(cut_offs: CutOffs, names: Sequence[str]) -> str:
    """Format the rules, with their cut-offs, as CSV with every digit."""
    metric = cut_offs.metric.name
    judged = (name.replace(" ", "_") for name in _judged(cut_offs.rules[0], metric))
    blank = ("",) * (len(names) - 1)
    rows = tuple(
        (
            rule.name,
            *map(exact, _judged(rule, metric).values()),
            *(map(exact, rule.cut_offs) if rule.cut_offs else blank),
        )
        for rule in cut_offs.rules
    )
    return Table("", ("rule", *judged, *(f"from {name}" for name in names[1:])), rows).csv()


def curves_csv(cut_offs: CutOffs, names: Sequence[str]) -> str:
    """Format the curves of all cut-offs as CSV: of each, the others half-way between grades, then fitted."""
    rows = [
        (base, names[curve.grade], exact(cut_off), exact(score))
        for base, curves in (("half-way", cut_offs.from_usual), ("fitted", cut_offs.from_fitted))
        for curve in curves
        for cut_off, score in zip(curve.cut_offs.tolist(), curve.scores.tolist(), strict=True)
    ]
    return Table("", ("others", "from", "cut_off", cut_offs.metric.name), tuple(rows)).csv()


def _figures(one: ExpectedGrade) -> tuple[float | None, ...]:
    return (one.mean, one.sd, *(one.quartiles or (None, None, None)), one.bias)


def _counted(names: Sequence[str]) -> str:
    """Describe which number a named grade has.

    >>> _counted(["0", "1"]), _counted(["none", "mild"])
    ('', ': 0 is none, 1 is mild')
    """
    is_plain = list(names) == [str(index) for index in range(len(names))]
    return "" if is_plain else ": " + ", ".join(f"{index} is {name}" for index, name in enumerate(names[:2]))


def _judged(rule: DecisionRule, metric: str) -> dict[str, float | None]:
    """Name the figures of a rule; accuracy may be the metric."""
    accuracy = {} if metric == "accuracy" else {"accuracy": rule.accuracy}
    return {metric: rule.score, **accuracy, "mean distance": rule.distance}


def _moved(curve: CutOffCurve) -> tuple[str, str]:
    return (NOTHING, NOTHING) if curve.best is None else (f"{curve.best[0]:.4f}", f"{curve.best[1]:z.4f}")


def _plateau(curve: CutOffCurve) -> str:
    low, high = curve.plateau(CLOSE)
    return f"{low:.4f} to {high:.4f}"


def _share(share: float) -> str:
    return NOTHING if share != share else f"{share:.1%}"  # noqa: PLR0124 (NaN)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:z.4f}"
