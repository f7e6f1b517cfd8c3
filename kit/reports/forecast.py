"""Table and summary of an ablation's forecast."""

from __future__ import annotations

import itertools

from kit.ablation import Plan
from kit.ablation.forecast import Forecast
from kit.reports.split_metrics import arm_lines
from kit.reports.table import Table


def forecast_tables(made: Forecast, plan: Plan) -> list[Table]:
    """Tabulate the arms with their parameters and times, and those that cannot be built with the reason."""
    paths = list(dict.fromkeys(path for arm in made.arms for path in plan.changes[arm.name]))
    is_grid = all(list(plan.changes[arm.name]) == paths for arm in made.arms) and bool(paths)
    names = [path.rpartition(".")[2] for path in paths] if is_grid else ["arm"]
    rows = [
        (
            str(number),
            *((value.strip("[]") for value in plan.changes[arm.name].values()) if is_grid else [arm.name]),
            f"{arm.parameters.total:,}",
            f"{arm.parameters.trainable:,}",
            duration(arm.seconds),
        )
        for number, arm in enumerate(made.arms, start=1)
    ]
    tables = [Table("", ("", *names, "parameters", "trainable", "a run"), tuple(rows))]
    if plan.refused:
        by_reason: dict[str, list[str]] = {}
        for name, reason in plan.refused.items():
            by_reason.setdefault(reason, []).append(name)
        refused = tuple((arm_lines(arms[0]), f"{len(arms):,}", reason) for reason, arms in by_reason.items())
        title = f"left out: {len(plan.refused):,} arm{'s' * (len(plan.refused) > 1)}"
        tables.append(Table(title, ("such as", "arms", "why"), refused))
    return tables


def describe_forecast(made: Forecast) -> str:
    """Describe the total cost."""
    runs = made.runs_per_arm * made.count
    return (
        f"{made.count:,} arms, {runs:,} runs, {made.jobs} at a time: about {duration(made.seconds)} to the last"
        f" epoch, by a few timed steps of {made.measured} of them"
    )


def duration(seconds: float) -> str:
    """Format a duration for people.

    >>> duration(75), duration(8000), duration(300000)
    ('1 min 15 s', '2 h 13 min', '3 d 11 h')
    """
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    left = round(seconds)
    for (name, size), (smaller, part) in itertools.pairwise(units):
        if left >= size:
            return f"{left // size} {name} {left % size // part} {smaller}"
    return f"{seconds:.2g} s" if seconds < 1 else f"{left} s"
