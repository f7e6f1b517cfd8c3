"""Daily limit of submissions: how many are left, and when it resets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from kit.errors import KaggleError

_LIMIT = ("daily", "limit", "too many submissions", "maximum number", "remaining submissions")  # in Kaggle's refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Remaining submissions.

    Attributes:
        today: Number of submissions since 00:00 UTC.
        left: Number of submissions left until the next 00:00 UTC.
        is_total: Whether `left` is the limit of the whole competition.
    """

    today: int
    left: int
    is_total: bool

    @classmethod
    def of(cls, answer: Any) -> Limits:
        """Convert the SDK's answer."""
        return cls(
            today=int(answer.num_today or 0),
            left=int(answer.num_allowed_now or 0),
            is_total=bool(answer.limited_by_total),
        )


def refuse_used_up(limits: Limits, slug: str) -> None:
    """Raise if the submissions of the day, or of the whole competition, are used up.

    Raises:
        KaggleError: No submission is left.
    """
    if limits.left > 0:
        return
    if limits.is_total:
        raise KaggleError(f"'{slug}' allows no more submissions in all; choose the final ones on its page")
    raise KaggleError(f"no submission to '{slug}' is left today, {limits.today} are made; {resets()}")


def resets(now: dt.datetime | None = None) -> str:
    """Describe when the daily limit resets, at 00:00 UTC."""
    now = now or dt.datetime.now(dt.UTC)
    tomorrow = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return f"the limit resets at 00:00 UTC, in {duration_text((tomorrow - now).total_seconds())}"


def is_about_limit(said: str) -> bool:
    """Whether the text of a refusal is about the limit of submissions."""
    return any(word in said.lower() for word in _LIMIT)


def duration_text(seconds: float) -> str:
    """Format a duration in hours and minutes, or in seconds below one minute."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
