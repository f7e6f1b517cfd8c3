"""Values of metrics as a table, and the rule that their decisions were made by."""

from __future__ import annotations

from collections.abc import Sequence

from kit.errors import first_three
from kit.evaluation.chosen_rule import ChosenRule
from kit.evaluation.intervals import SEED, Interval
from kit.evaluation.metric_scores import MetricScore
from kit.reports.table import NOTHING, Table, exact
from kit.significance import CONFIDENCE
from kit.targets import Target

_LINE = 72  # columns for the thresholds of a rule
_DIRECTIONS = {"max": "higher", "min": "lower"}


def metrics_table(title: str, scores: Sequence[MetricScore]) -> Table:
    """Build one row per metric: its value, interval and base rate, and what was left out of the mean, if anything was.

    Args:
        title: Title of the table.
        scores: Values of the metrics, the dataset's first.
    """
    rows = [
        (
            one.name,
            NOTHING if one.value is None else f"{one.value:z.4f}",
            describe_interval(one.interval),
            NOTHING if one.base_rate is None else f"{one.base_rate:z.4f}",
            _DIRECTIONS[one.direction],
            one.judges,
            _left_out(one),
        )
        for one in scores
    ]
    columns = ("metric", "value", CONFIDENCE, "base rate", "better", "judges", "left out")
    wanted = [
        column
        for column in columns
        if {
            CONFIDENCE: any(one.interval for one in scores),
            "base rate": any(one.base_rate is not None for one in scores),
            "left out": any(one.left_out for one in scores),
        }.get(column, True)
    ]
    indices = [columns.index(column) for column in wanted]
    kept = (CONFIDENCE, "value") if CONFIDENCE in wanted else ("value",)
    return Table(title, tuple(wanted), tuple(tuple(row[index] for index in indices) for row in rows), kept=kept)


def metrics_csv(scores: Sequence[MetricScore]) -> str:
    """Format the table as CSV with every digit."""
    rows = tuple(
        (
            one.name,
            exact(one.value),
            *(exact(getattr(one.interval, end, None)) for end in ("low", "high", "resamples")),
            exact(one.base_rate),
            one.base_words,
            _DIRECTIONS[one.direction],
            one.judges,
            " ".join(map(str, one.left_out)),
        )
        for one in scores
    )
    columns = ("metric", "value", "low", "high", "resamples", "base_rate", "base", "better", "judges", "left_out")
    return Table("", columns, rows).csv()


def describe_interval(interval: Interval | None) -> str:
    """Format the ends of an interval for a cell."""
    return NOTHING if interval is None else f"[{interval.low:z.4f}, {interval.high:z.4f}]"


def describe_resampling(scores: Sequence[MetricScore]) -> list[str]:
    """Say in one line how the intervals were made; no line without any."""
    made = {one.name: one.interval for one in scores if one.interval}
    if not made:
        return []
    counts = {name: interval.resamples for name, interval in made.items()}
    first, most = next(iter(made.values())), max(counts.values())
    fewer = [f"{name} {count:,}" for name, count in counts.items() if count < most]
    resamples = f"{most:,} resamples" + (f" ({', '.join(fewer)})" if fewer else "")
    return [f"{CONFIDENCE} intervals: percentiles of {resamples} of {first.units:,} {first.drawn}, seed {SEED}"]


def describe_rule(decided: ChosenRule, target: Target) -> list[str]:
    """Describe the rule in one line, and the score of rules that were fitted without each fold in another."""
    words = f"decided by {_rule(decided, target)}"
    if not decided.metric:
        return [words]
    images = f"{decided.images:,} {decided.fitted_on} images, whose figures are optimistic"
    lines = [f"{words}, fitted to {decided.metric} on {images}"]
    if decided.crossed is not None:
        lines.append(f"{decided.metric} {decided.crossed:.4f} by rules that were fitted without each fold's images")
    return lines


def describe_thresholds(names: Sequence[str], thresholds: Sequence[float], file: str, *, mark: str = " ") -> str:
    """Name each threshold, or where that does not fit into a line, how many there are and between which numbers.

    Args:
        names: Names of the target.
        thresholds: Thresholds of a rule, of all names or of all but the first.
        file: File that holds all of them.
        mark: Sign between a name and its threshold.
    """
    named = names[1:] if len(thresholds) == len(names) - 1 else names
    whole = ", ".join(f"{name}{mark}{value:.4g}" for name, value in zip(named, thresholds, strict=False))
    if len(whole) <= _LINE:
        return whole
    return f"{len(thresholds)} thresholds from {min(thresholds):.2g} to {max(thresholds):.2g} (all in {file})"


def _rule(decided: ChosenRule, target: Target) -> str:
    rule = decided.rule
    thresholds = describe_thresholds(target.names, rule.thresholds, "evaluation.json", mark=" from ")
    said = [thresholds or "the usual rule"]
    said += [f"at least {rule.least} {target.kind()}"] if rule.least else []
    said += [f"at most {rule.most} {target.kind()}"] if rule.most is not None else []
    return ", ".join(said)


def _left_out(score: MetricScore) -> str:
    return first_three(map(str, score.left_out), len(score.left_out)) if score.left_out else NOTHING
