"""Submits a file: checks it, sends it once, waits for the score, and records it in the ledger."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.arguments import checked_arguments
from kit.errors import KaggleError, require, worded
from kit.kaggle.check_submission import Checked, check_file, refuse_missing, refuse_unknown_doubts
from kit.kaggle.check_values import KNOWN, Problem
from kit.kaggle.daily_limit import refuse_used_up
from kit.kaggle.find_sample import find_sample
from kit.kaggle.http_errors import Resource, not_entered
from kit.kaggle.ledger import Entry, Ledger
from kit.kaggle.responses import ERROR, PENDING, Listed
from kit.kaggle.retries import Retries
from kit.locks import locked
from kit.names import checked_id
from kit.progress import NO_PROGRESS, Progress
from kit.submission.origin import Origin, read_origin
from kit.workspace import Workspace

if TYPE_CHECKING:
    from kit.kaggle.client import Kaggle
    from kit.kaggle.leaderboard import LeaderboardPlace

CHECKED = "checked"
_MESSAGE = worded("-m MESSAGE", "message=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """Outcome of a submission.

    Attributes:
        checked: Result of the check.
        competition: Slug of the competition.
        status: "checked" for a dry run, otherwise "pending" or "complete".
        ref: Number of the submission; None for a dry run.
        left: Number of submissions left today; None if unknown.
        public: Public score; None before scoring.
        private: Private score; None while the competition lasts.
        standing: Place on the leaderboard, and difference from the own best; None if unknown.
        remarks: Remarks on the file and the ledger, one line each.
    """

    checked: Checked
    competition: str
    status: str = CHECKED
    ref: int | None = None
    left: int | None = None
    public: float | None = None
    private: float | None = None
    standing: LeaderboardPlace | None = None
    remarks: tuple[str, ...] = ()


@checked_arguments
def submit(
    file: str | Path,
    *,
    competition: str,
    message: str = "",
    wait: bool = False,
    dry_run: bool = False,
    sample: Path | str | None = None,
    force: Collection[str] = (),
    root: Path | str | None = None,
    retries: Retries | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submitted:
    """Check a file against the sample submission, submit it, and record it in submissions/ledger.csv.

    After an interrupted call, Kaggle's list is searched for the file before it is sent again; for a pending submission
    the call only waits for the score.

    Args:
        file: CSV to submit.
        competition: Slug of the competition, as in its address.
        message: Message to show on Kaggle with the submission.
        wait: Whether to wait for the score.
        dry_run: Whether to check only, without credentials and network.
        sample: Sample submission to check against; by default the predicted dataset's, or the one in
            data/<competition>.
        force: Doubts to overrule: "constant" predictions, values outside the "range" [0, 1] or that of the training
            values, probabilities whose "sum" is not 1, a different "order" of rows, or "known" bytes, submitted before.
            A constant in another order is always refused.
        root: Workspace; KIT_ROOT or the current folder by default.
        retries: Timeouts and number of attempts; the defaults suit Kaggle.
        progress: Receiver of uploads and waits.

    Raises:
        SpecError: `force` contains a word that is not a doubt.
        SubmissionError: The file does not fit the sample submission.
        KaggleError: Kaggle refuses the file, or cannot score it.
        NetworkError: There is no clear answer; another call resumes.
    """
    workspace, path = Workspace.at(root), Path(file)
    refuse_unknown_doubts(force)
    checked_id(competition, "competition")
    message = " ".join(message.split())
    require(bool(message) or dry_run, f"a submission needs a message that tells it from others; add {_MESSAGE}")
    require(bool(path.name), f"'{file}' is not a file; give the CSV, as submissions/first.csv")
    refuse_missing(path)
    origin = read_origin(path)
    ledger = Ledger(workspace.submissions / "ledger.csv")
    found = find_sample(competition, origin, Path(sample) if sample else None, workspace)
    checked = check_file(path, found.path, found.answer)
    seen, _ = _with_twin(checked, ledger, competition, force=force)
    remarks = (*_changed(path, origin, checked), *ledger.remarks())
    if dry_run:
        return Submitted(checked=seen, competition=competition, remarks=remarks)
    entry = Entry(
        time=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        competition=competition,
        file=path.as_posix(),
        sha256=checked.sha256,
        message=message,
    ).with_origin(origin if origin and origin.is_of(checked.sha256) else None)
    from kit.kaggle.client import Kaggle  # noqa: PLC0415 (what talks to the network)

    progress.start("asking Kaggle", 1)
    for remark in remarks:
        progress.advance(0, remark)
    with Kaggle(retries or Retries(), progress) as kaggle:
        # Two concurrent commands would not see each other's submissions: the ledger is read again under the lock.
        with locked(workspace.submissions / competition):
            seen, begun = _with_twin(checked, ledger, competition, force=force)
            sent, before, left = _send(kaggle, ledger, entry, begun)
        result = Submitted(
            checked=seen,
            competition=competition,
            status=sent.status,
            ref=int(sent.ref),
            left=left,
            remarks=remarks,
        )
        return _scored(kaggle, ledger, sent, before, result) if wait or sent.status != PENDING else result


def _changed(path: Path, origin: Origin | None, checked: Checked) -> list[str]:
    """Report that a file was changed since kit wrote it."""
    if origin is None or origin.is_of(checked.sha256):
        return []
    return [f"{path} was changed after kit wrote it: the ledger gets no runs and no local score"]


def _with_twin(checked: Checked, ledger: Ledger, slug: str, *, force: Collection[str]) -> tuple[Checked, Entry | None]:
    """Look for the same bytes in the ledger; also return their entry if it is still open.

    Raises:
        SubmissionError: The same bytes were submitted before, or the file has other findings.
    """
    twin = next(iter(ledger.twins(slug, checked.sha256)[-1:]), None)
    if twin and not twin.is_open:
        checked = dataclasses.replace(checked, findings=(*checked.findings, _twin(twin)))
    checked.refuse(force=force)
    return checked, twin if twin and twin.is_open else None


def _send(kaggle: Kaggle, ledger: Ledger, entry: Entry, begun: Entry | None) -> tuple[Entry, list[Listed], int | None]:
    """Send a file unless Kaggle has it; also return earlier submissions, and the number left today."""
    from kit.kaggle.submit_once import find_again, send  # noqa: PLC0415 (what talks to the network)

    _refuse_closed(kaggle, entry.competition)
    before = kaggle.submissions(entry.competition)
    if begun and (again := find_again(kaggle, ledger, begun)):
        return again, before, None
    limits = kaggle.limits(entry.competition)
    refuse_used_up(limits, entry.competition)
    last = "the last submission of today"
    kaggle.progress.advance(1, note=f"{limits.left} submissions left today" if limits.left > 1 else last)
    newest = max((one.ref for one in before), default=0)
    return (
        send(kaggle, ledger, dataclasses.replace(entry, newest_before=str(newest))),
        before,
        limits.left - 1,
    )


def _scored(kaggle: Kaggle, ledger: Ledger, sent: Entry, before: list[Listed], result: Submitted) -> Submitted:
    from kit.kaggle.leaderboard import find_place, wait_for_score  # noqa: PLC0415 (what talks to the network)

    listed = wait_for_score(kaggle, sent.competition, int(sent.ref))
    ledger.write([sent.with_answer(listed)])
    if listed.status == ERROR:
        raise KaggleError(
            f"Kaggle could not score {sent.file} (submission {sent.ref}): {listed.reason or 'it gives no reason'};"
            " fix the file and submit it again"
        )
    standing = find_place(kaggle, sent.competition, listed, before, sent.metric)
    return dataclasses.replace(
        result, status=listed.status, public=listed.public, private=listed.private, standing=standing
    )


def _refuse_closed(kaggle: Kaggle, slug: str) -> None:
    about, found = Resource(name=slug), kaggle.competition(slug)
    if not found.has_entered:
        raise not_entered(about)
    if found.notebooks_only:
        raise KaggleError(
            f"'{slug}' takes notebooks, not files; run kit predict in a notebook on Kaggle: {about.page}/code"
        )
    if found.is_closed:
        raise KaggleError(f"'{slug}' takes no submissions any more; see {about.page}")


def _twin(entry: Entry) -> Problem:
    """Describe the submission of the same bytes."""
    score = f", public score {entry.public_score}" if entry.public_score else f", {entry.status}"
    return Problem(f"the same bytes are submission {entry.ref} ({entry.file}, {entry.time[:10]}{score})", doubt=KNOWN)
