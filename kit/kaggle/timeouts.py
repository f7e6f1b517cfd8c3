"""How long Kaggle is waited for, and how often it is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_GROWTH = 2.0  # each pause is twice the one before
_LONGEST_PAUSE = 30.0  # seconds: a score is not looked for more seldom


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Time limits of everything that goes through the network.

    Attributes:
        connect: seconds to reach a server, and for it to take the next bytes that are sent.
        answer: seconds until its next byte comes.
        attempts: at most, of whatever may be repeated without harm.
        pause: seconds before the second attempt; doubled from then on.
        asked: seconds at most that a server may ask to wait (Retry-After) before kit gives up instead.
        score: seconds that a score is waited for.
    """

    connect: float = 10.0
    answer: float = 60.0
    attempts: int = 5
    pause: float = 1.0
    asked: float = 300.0
    score: float = 1800.0

    def pauses(self) -> Iterator[float]:
        """Yield the seconds to wait, longer each time."""
        pause = self.pause
        while True:
            yield min(pause, _LONGEST_PAUSE)
            pause *= _GROWTH
