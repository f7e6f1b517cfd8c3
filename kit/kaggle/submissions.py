"""kit submissions: the ledger, brought up to date, and what it says about local scores."""

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
    """What the ledger holds.

    Attributes:
        path: Path of the ledger.
        entries: Lines of the ledger, the oldest first.
        trust: Correlation of each local metric with the public score.
        remarks: Changes that others made to the ledger since kit wrote it, a line each.
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
        competition: Slug of the competition; all otherwise.
        refresh: Whether to ask Kaggle for scores that came later, and for submissions whose fate was unclear.
        root: Root of the workspace; KIT_ROOT or the current folder otherwise.
        retries: Time-outs and number of attempts; the defaults fit Kaggle.
        progress: Receiver of every competition that is asked about.

    Raises:
        SubmissionError: nothing was submitted yet, or not to that competition.
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
            before = ledger.entries(slug)  # read late, and only changes written: another command may be submitting
            ledger.write(new for new, old in zip(refreshed(before, answers), before, strict=True) if new != old)
            progress.advance(1)
    progress.finish()
