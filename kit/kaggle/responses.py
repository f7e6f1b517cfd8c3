"""Responses of Kaggle in kit's types."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PENDING, COMPLETE, ERROR = "pending", "complete", "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompetitionInfo:
    """A competition, and the user's place in it.

    Attributes:
        slug: Name in the address.
        has_entered: Whether the user takes part, and so has accepted the rules.
        place: Place on the leaderboard; 0 for none yet.
        teams: Teams on the leaderboard.
        metric: Name of the metric on Kaggle; may be empty.
        notebooks_only: Whether only notebooks can be submitted.
        is_closed: Whether submissions are closed.
    """

    slug: str
    has_entered: bool
    place: int
    teams: int
    metric: str
    notebooks_only: bool
    is_closed: bool

    @classmethod
    def of(cls, answer: Any, slug: str) -> CompetitionInfo:
        """Convert the SDK's answer."""
        return cls(
            slug=slug,
            has_entered=bool(answer.user_has_entered),
            place=int(answer.user_rank or 0),
            teams=int(answer.team_count or 0),
            metric=_words(answer.evaluation_metric),
            notebooks_only=bool(answer.is_kernels_submissions_only),
            is_closed=bool(answer.submissions_disabled),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A submission in Kaggle's list.

    Attributes:
        ref: Number of the submission; later ones are larger.
        file: Name of the file without folders.
        message: Message of the submission.
        date: UTC.
        status: "pending", "complete" or "error".
        public: Public score; None before scoring.
        private: Private score; None while the competition lasts.
        reason: Reason why it could not be scored; empty otherwise.
    """

    ref: int
    file: str
    message: str
    date: datetime | None
    status: str
    public: float | None
    private: float | None
    reason: str

    @classmethod
    def of(cls, answer: Any) -> Listed:
        """Convert the SDK's answer."""
        return cls(
            ref=int(answer.ref or 0),
            file=_words(answer.file_name),
            message=_words(answer.description),
            date=answer.date,
            status=answer.status.name.lower(),
            public=_score(answer.public_score),
            private=_score(answer.private_score),
            reason=_words(answer.error_description),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file in Kaggle's list.

    Attributes:
        name: Path with slashes.
        bytes: Unpacked size in bytes.
    """

    name: str
    bytes: int

    @classmethod
    def of(cls, answer: Any) -> RemoteFile:
        """Convert the SDK's answer."""
        return cls(name=_words(answer.name), bytes=int(answer.total_bytes or 0))


def score_of(entry: Any) -> float | None:
    """Parse the score of a team on the leaderboard."""
    return _score(entry.score)


def _words(text: str | None) -> str:
    """Clean a text; lone surrogates, which no file can store, become question marks."""
    return str(text or "").encode(errors="replace").decode()


def _score(text: str | None) -> float | None:
    with contextlib.suppress(ValueError):
        value = float(text or "nan")
        return value if math.isfinite(value) else None
    return None
