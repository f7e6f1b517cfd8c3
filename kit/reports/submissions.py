"""Table of the submission ledger, and the correlation of local and public scores."""

from __future__ import annotations

from pathlib import Path

from kit.kaggle.ledger import Entry
from kit.kaggle.score_correlation import FEWEST, ScoreCorrelation
from kit.kaggle.submissions import Submissions
from kit.reports.table import NOTHING, Table

_MANY = 10  # points from which one more hardly changes the conclusion
_STRONG = 0.8  # Spearman's rho from which the order is nearly the same


def submission_table(found: Submissions) -> Table:
    """Build the table of the ledger, oldest first."""
    competitions = {entry.competition for entry in found.entries}
    title = f"{found.path}: {', '.join(sorted(competitions))}; times are UTC"
    columns = ("file", "submitted", "status", "local", "metric", "public", "private")
    return Table(title, columns, tuple(_row(entry, several=len(competitions) > 1) for entry in found.entries))


def remake_lines(found: Submissions) -> list[str]:
    """List the last known command that reproduces each file."""
    commands = {entry.file: entry.command for entry in found.entries if entry.command}
    return [f"{Path(file).name}: {command}" for file, command in commands.items()]


def describe_correlation(found: ScoreCorrelation) -> str:
    """Describe the correlation of a local metric with the public score, and whether to trust it."""
    local = found.metric or "the local score"
    about = f"{found.competition}, {local} against the public score, n = {found.n}"
    if found.n < FEWEST:
        return f"{about}: too few points to say anything; three are the fewest that a correlation is about"
    if found.pearson is None or found.spearman is None or found.needed is None:
        return f"{about}: one of the two never varies, so nothing can be said"
    figures = f"{about}: Pearson r = {found.pearson:.3f}, Spearman rho = {found.spearman:.3f}"
    return f"{figures}; {_meaning(found, local, found.pearson, found.spearman, found.needed)}"


def _row(entry: Entry, *, several: bool) -> tuple[str, ...]:
    name = Path(entry.file).name
    return (
        f"{name}\n{entry.competition}" if several else name,
        entry.time[:16].replace("T", " "),
        entry.status,
        _figure(entry.number("local_score")),
        entry.metric or NOTHING,
        _figure(entry.number("public_score")),
        _figure(entry.number("private_score")),
    )


def _figure(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.5f}"


def _meaning(found: ScoreCorrelation, local: str, pearson: float, spearman: float, needed: float) -> str:
    n = found.n
    if max(abs(pearson), abs(spearman)) < needed:
        return f"{n} points are too few to tell this from chance, which reaches {needed:.2f} in one of twenty cases"
    other = "larger" if found.falls else "smaller"
    way = "rises with it" if spearman > 0 else f"falls as it rises (right only if {other} public scores are better)"
    how = (
        "in nearly the same order: trust" if abs(spearman) >= _STRONG else "but the order often differs: do not rely on"
    )
    few = f"; with {n} points that may change yet" if n < _MANY else ""
    return f"the public score {way}, {how} {local} to choose what to submit{few}"
