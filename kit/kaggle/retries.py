"""How long Kaggle is waited for, how often it is asked again, and how the pauses between attempts grow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from kit.errors import NetworkError
from kit.progress import Progress

_GROWTH = 2.0  # each pause is twice the one before
_LONGEST_PAUSE = 30.0  # seconds: a score is not looked for more seldom

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Time-outs, number of attempts and backoff of everything that goes through the network.

    Attributes:
        connect_timeout: Seconds to reach a server, and for it to take the next bytes that are sent.
        read_timeout: Seconds until a server's next byte comes.
        attempts: Attempts at most, of whatever may be repeated without harm.
        backoff: Seconds before the second attempt; doubled from then on.
        longest_wait: Seconds at most that a server may ask to wait (Retry-After) before kit gives up instead.
        score_timeout: Seconds that a score is waited for.
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
    """Repeat what may be repeated until it succeeds, with growing pauses, or those that the server asks for.

    Args:
        once: Function that makes an attempt.
        retries: Number of attempts, and the pauses between them.
        progress: Receiver of a line before each pause.
        after: Errors that another attempt may follow.
        gained: Figure that grows when an attempt got further; attempts are then counted anew.
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
