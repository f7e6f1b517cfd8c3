"""Reads and refreshes the ledger of submissions, and correlates local with public scores."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from kit.arguments import checked_arguments
from kit.errors import SubmissionError, unknown, worded
from kit.kaggle.ledger import Entry, Ledger, refreshed
from kit.kaggle.retries import Retries
from kit.kaggle.score_correlation import ScoreCorrelation, correlate_scores
from kit.progress import NO_PROGRESS, Progress
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Submissions:
    """Contents of the ledger.

    Attributes:
        path: Path of the ledger.
        entries: Entries of the ledger, oldest first.
        trust: Correlation of each local metric with the public score.
        remarks: Edits of the ledger since kit wrote it, one line each.
    """

    path: Path
    entries: list[Entry]
    trust: list[ScoreCorrelation]
    remarks: list[str] = dataclasses.field(default_factory=list)


@checked_arguments
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
        competition: Slug of the competition; all by default.
        refresh: Whether to ask Kaggle for later scores, and for submissions with an unclear outcome.
        root: Root of the workspace; KIT_ROOT or the current folder by default.
        retries: Timeouts and number of attempts; the defaults suit Kaggle.
        progress: Receiver of every refreshed competition.

    Raises:
        SubmissionError: Nothing was submitted yet, or nothing to that competition.
        KaggleError: Kaggle refuses to list.
    """
    ledger = Ledger(Workspace.at(root).submissions / "ledger.csv")
    known, remarks = {entry.competition for entry in ledger.entries()}, ledger.remarks()
    if not known:
        submit = worded(
            "kit submit FILE --competition SLUG -m MESSAGE", "kit.submit(FILE, competition=SLUG, message=MESSAGE)"
        )
        raise SubmissionError(f"{ledger.path} has no submission yet; make one: {submit}")
    if competition and competition not in known:
        raise SubmissionError(f"{unknown('competition', competition, known)} (in {ledger.path})")
    if refresh:
        _refresh(ledger, sorted({competition} if competition else known), retries or Retries(), progress)
    entries = ledger.entries(competition)
    return Submissions(path=ledger.path, entries=entries, trust=correlate_scores(entries), remarks=remarks)


def _refresh(ledger: Ledger, competitions: list[str], retries: Retries, progress: Progress) -> None:
    from kit.kaggle.client import Kaggle  # noqa: PLC0415 (what talks to the network)

    progress.start("asking for scores", len(competitions))
    with Kaggle(retries, progress) as kaggle:
        for slug in competitions:
            answers = kaggle.submissions(slug)
            before = ledger.entries(slug)  # read late, and write changes only: another command may be submitting
            ledger.write(new for new, old in zip(refreshed(before, answers), before, strict=True) if new != old)
            progress.advance(1)
    progress.finish()
