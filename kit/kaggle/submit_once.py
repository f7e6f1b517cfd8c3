"""Uploads and submits a file exactly once, despite network failures."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import itertools
import time
from pathlib import Path
from typing import Any

from kit.errors import KaggleError, NetworkError, SubmissionError
from kit.files import size_text
from kit.kaggle.client import Kaggle
from kit.kaggle.http_errors import RejectedError
from kit.kaggle.ledger import REFUSED, Entry, Ledger, refreshed
from kit.kaggle.responses import PENDING
from kit.kaggle.transport import plain_session
from kit.progress import Progress

_KILO = 1000  # bytes per step of progress


def send(kaggle: Kaggle, ledger: Ledger, entry: Entry) -> Entry:
    """Upload a file and submit it.

    The entry is in the ledger, as unclear, before the request to submit; without an answer, the list of submissions is
    searched, and the request is not repeated.

    Args:
        kaggle: Client for Kaggle.
        ledger: Ledger to write to.
        entry: Entry of the file.

    Returns:
        Entry with the number of the submission.

    Raises:
        KaggleError: Kaggle refuses the file.
        NetworkError: The file could not be sent, or it is unclear whether Kaggle accepted it.
        SubmissionError: The file was changed after the check.
    """
    data = Path(entry.file).read_bytes()
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise SubmissionError(f"{entry.file} was changed after it was checked; run the same command again")
    progress = kaggle.progress
    progress.start(f"uploading {size_text(len(data))} (kB)", -(-len(data) // _KILO))
    token = kaggle.retried(lambda: _upload(kaggle, entry, data))
    progress.finish()
    ledger.write([entry])
    try:
        ref = kaggle.create_submission(entry.competition, token, entry.message)
    except NetworkError as error:
        if isinstance(error, RejectedError):
            ledger.write([dataclasses.replace(entry, status=REFUSED, reason=str(error))])
            raise
        return _found(kaggle, ledger, entry, str(error))
    except KaggleError as error:
        ledger.write([dataclasses.replace(entry, status=REFUSED, reason=str(error))])
        raise
    if not ref:
        return _found(kaggle, ledger, entry, "its answer names no submission")
    taken = dataclasses.replace(entry, ref=str(ref), status=PENDING)
    ledger.write([taken])
    return taken


def find_again(kaggle: Kaggle, ledger: Ledger, entry: Entry) -> Entry | None:
    """Look for a submission with an unclear outcome; if Kaggle does not list it, it never arrived."""
    if entry.ref:
        return entry
    kaggle.progress.advance(0, note=f"looking whether Kaggle took {entry.file}")
    if found := _look(kaggle, ledger, entry):
        return found
    ledger.write([dataclasses.replace(entry, status=REFUSED, reason="never arrived")])
    return None


def _upload(kaggle: Kaggle, entry: Entry, data: bytes) -> str:
    """Upload the bytes; every attempt requests its own upload address."""
    token, address = kaggle.start_upload(entry.competition, Path(entry.file).name, len(data))
    with plain_session(kaggle.retries) as session:
        kaggle.once("uploading", entry.competition, _put, session, address, _Watched(data, kaggle.progress))
    return token


def _put(session: Any, address: str, body: _Watched) -> None:
    session.put(address, data=body, headers={"Content-Type": "application/octet-stream"}).raise_for_status()


class _Watched(io.BytesIO):
    """Stream of bytes that reports reading progress."""

    def __init__(self, data: bytes, progress: Progress) -> None:
        super().__init__(data)
        self._progress, self._reported = progress, 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and report whole kilobytes."""
        read = super().read(size)
        if (steps := self.tell() // _KILO - self._reported) > 0:
            self._reported += steps
            self._progress.advance(steps)
        return read


def _found(kaggle: Kaggle, ledger: Ledger, entry: Entry, why: str) -> Entry:
    """Find a submission without an answer in Kaggle's list, or leave it to the next call."""
    with contextlib.suppress(NetworkError):
        if found := _look(kaggle, ledger, entry):
            return found
    raise NetworkError(
        f"it is unclear whether Kaggle took {entry.file} ({why.partition(';')[0]}); run the same command again in a few"
        " minutes: it looks at your submissions before it sends anything"
    )


def _look(kaggle: Kaggle, ledger: Ledger, entry: Entry) -> Entry | None:
    """Search the list of submissions, several times: Kaggle may list accepted files late."""
    pauses = itertools.islice(kaggle.retries.backoffs(), kaggle.retries.attempts)
    for pause in (0.0, *pauses):
        time.sleep(pause)
        found = _listed(kaggle, ledger, entry)
        if found.ref:
            ledger.write([found])
            return found
    return None


def _listed(kaggle: Kaggle, ledger: Ledger, entry: Entry) -> Entry:
    """Update an entry from Kaggle's list, without the submissions of the ledger's other entries."""
    others = [other for other in ledger.entries(entry.competition) if other.ref]
    return refreshed([*others, entry], kaggle.submissions(entry.competition))[-1]
