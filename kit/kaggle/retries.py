"""Timeouts, number of attempts and backoff of requests to Kaggle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from kit.errors import NetworkError
from kit.progress import Progress

_GROWTH = 2.0  # each pause is twice the previous one
_LONGEST_PAUSE = 30.0  # seconds: longest pause between requests for a score

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Timeouts, number of attempts and backoff of all network requests.

    Attributes:
        connect_timeout: Seconds to reach a server, and to send the next bytes.
        read_timeout: Seconds until the next byte of a server.
        attempts: Largest number of attempts of requests that are safe to repeat.
        backoff: Seconds before the second attempt; doubled from then on.
        longest_wait: Longest wait in seconds accepted from a server (Retry-After); kit gives up beyond it.
        score_timeout: Seconds to wait for a score.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    attempts: int = 5
    backoff: float = 1.0
    longest_wait: float = 300.0
    score_timeout: float = 1800.0

    def backoffs(self) -> Iterator[float]:
        """Yield the seconds to wait, longer each time."""
        pause = self.backoff
        while True:
            yield min(pause, _LONGEST_PAUSE)
            pause *= _GROWTH


def retried(
    once: Callable[[], Result],
    retries: Retries,
    progress: Progress,
    *,
    after: type[NetworkError] = NetworkError,
    gained: Callable[[], int] = lambda: 0,
) -> Result:
    """Retry a call until it succeeds, with growing pauses, or those requested by the server.

    Args:
        once: Function that makes an attempt.
        retries: Number of attempts, and the pauses between them.
        progress: Receiver of a line before each pause.
        after: Errors to retry after.
        gained: Counter that grows when an attempt made progress, which resets the number of attempts.
    """
    attempt, reached, pauses = 0, gained(), retries.backoffs()
    while True:
        attempt += 1
        try:
            return once()
        except after as error:
            if gained() > reached:
                attempt, reached, pauses = 1, gained(), retries.backoffs()
            if attempt >= retries.attempts or (error.after or 0) > retries.longest_wait:
                raise
            wait = max(next(pauses), error.after or 0)
            progress.advance(0, note=f"{str(error).partition(';')[0]}; again in {wait:g} s")
            time.sleep(wait)
