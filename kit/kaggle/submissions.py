"""kit submissions: the ledger, brought up to date, and what it says about local scores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from kit.errors import SubmissionError, unknown
from kit.kaggle.ledger import Entry, Ledger, refreshed
from kit.kaggle.score_correlation import Trust, find_trust
from kit.kaggle.retries import Retries
from kit.progress import NO_PROGRESS, Progress
from kit.reports.table import NOTHING, Table
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Submissions:
    """What the ledger holds.

    Attributes:
        path: of the ledger.
        entries: oldest first.
        trust: in each local metric.
        remarks: What other hands did to the ledger since kit wrote it, a line each.
    """

    path: Path
    entries: list[Entry]
    trust: list[Trust]
    remarks: list[str] = dataclasses.field(default_factory=list)


def submissions(
    competition: str | None = None,
    *,
    refresh: bool = False,
    root: Path | str | None = None,
    retries: Retries | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submissions:
    """Read submissions/ledger.csv, and correlate local and public scores.

    Args:
        competition: slug; all otherwise.
        refresh: ask Kaggle for scores that came later, and for submissions whose fate was unclear.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        retries: time limits; the defaults fit Kaggle.
        progress: sees every competition that is asked about.

    Raises:
        SubmissionError: nothing was submitted yet, or not to that competition.
        KaggleError: Kaggle refuses to list.
    """
    ledger = Ledger(Workspace.at(root).submissions / "ledger.csv")
    known, remarks = {entry.competition for entry in ledger.entries()}, ledger.remarks()
    if not known:
        raise SubmissionError(
            f"{ledger.path} has no submission yet; make one: kit submit FILE --competition SLUG -m MESSAGE"
        )
    if competition and competition not in known:
        raise SubmissionError(f"{unknown('competition', competition, known)} (in {ledger.path})")
    if refresh:
        _refresh(ledger, sorted({competition} if competition else known), retries or Retries(), progress)
    entries = ledger.entries(competition)
    return Submissions(path=ledger.path, entries=entries, trust=find_trust(entries), remarks=remarks)


def submission_table(found: Submissions) -> Table:
    """Lay the ledger out, oldest first."""
    competitions = {entry.competition for entry in found.entries}
    title = f"{found.path}: {', '.join(sorted(competitions))}; times are UTC"
    columns = ("file", "submitted", "status", "local", "metric", "public", "private")
    return Table(title, columns, tuple(_row(entry, several=len(competitions) > 1) for entry in found.entries))


def remake_lines(found: Submissions) -> list[str]:
    """Name the command that makes each file again, where it is known; the last one of each file."""
    commands = {entry.file: entry.command for entry in found.entries if entry.command}
    return [f"{Path(file).name}: {command}" for file, command in commands.items()]


def _refresh(ledger: Ledger, competitions: list[str], retries: Retries, progress: Progress) -> None:
    from kit.kaggle.client import Kaggle  # noqa: PLC0415 (what talks to the network)

    progress.start("asking for scores", len(competitions))
    with Kaggle(retries, progress) as kaggle:
        for slug in competitions:
            answers = kaggle.submissions(slug)
            before = ledger.entries(slug)  # read late, and only changes written: another command may be submitting
            ledger.write(new for new, old in zip(refreshed(before, answers), before, strict=True) if new != old)
            progress.advance(1)
    progress.finish()


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
