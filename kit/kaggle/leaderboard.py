"""Waits for a submission's score, and compares it with the leaderboard and the account's own best."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kit.errors import KaggleError, NetworkError, worded
from kit.kaggle.client import Kaggle
from kit.kaggle.responses import COMPLETE, PENDING, Listed
from kit.metrics.direction import smaller_is_better


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardPlace:
    """Place of a score on the leaderboard.

    Attributes:
        place: Place on the leaderboard, by the account's best score; 0 for none yet.
        teams: Teams on the leaderboard.
        best: Best of the account's earlier public scores; None without any.
        difference: Difference of this score from the best.
        larger_is_better: Whether larger scores rank higher on the leaderboard; None if unknown.
    """

    place: int
    teams: int
    best: float | None
    difference: float | None
    larger_is_better: bool | None

    @property
    def gain(self) -> float | None:
        """Difference from the own best, positive for better; None if either is unknown."""
        if self.difference is None or self.larger_is_better is None:
            return None
        return self.difference if self.larger_is_better else -self.difference


def wait_for_score(kaggle: Kaggle, slug: str, ref: int) -> Listed:
    """Wait until Kaggle has scored a submission, with growing intervals.

    Raises:
        KaggleError: Kaggle refuses to tell the score.
        NetworkError: Scoring takes longer than `retries` allow, or Kaggle cannot be reached.
    """
    refresh = worded(f"kit submissions --competition {slug} --refresh", f"kit.submissions({slug!r}, refresh=True)")
    later = f"{refresh} shows its score later"
    end = time.monotonic() + kaggle.retries.score_timeout
    kaggle.progress.start("waiting", 1)
    kaggle.progress.advance(0, note=f"waiting for the score of submission {ref}")
    for pause in kaggle.retries.backoffs():
        try:
            listed = kaggle.submission(slug, ref)
        except KaggleError as error:
            raise type(error)(f"submission {ref} is made, but {str(error).partition(';')[0]}; {later}") from None
        if listed.status != PENDING:
            break
        if time.monotonic() + pause > end:
            raise NetworkError(
                f"submission {ref} is made, but not scored after {kaggle.retries.score_timeout:g} s; {later}"
            )
        time.sleep(pause)
    kaggle.progress.finish()
    return listed


def find_place(
    kaggle: Kaggle, slug: str, mine: Listed, before: Sequence[Listed], metric: str = ""
) -> LeaderboardPlace | None:
    """Compare a score with the leaderboard and the account's earlier scores.

    Args:
        kaggle: Connection.
        slug: Slug of the competition.
        mine: Submission with the score.
        before: Earlier submissions of the account.
        metric: Metric of the local score, by which a leaderboard of a single score is ordered; empty if unknown.

    Returns:
        The place; None if Kaggle does not tell.
    """
    try:
        competition, leading = kaggle.competition(slug), kaggle.leading_scores(slug)
    except KaggleError:  # the score is already in the ledger; the place is an extra
        return None
    has_order = len(set(leading)) > 1
    larger = leading[0] > leading[-1] if has_order else False if smaller_is_better(metric) else None
    own = [one.public for one in before if one.status == COMPLETE and one.ref != mine.ref and one.public is not None]
    best = (min(own) if larger is False else max(own)) if own else None
    difference = None if best is None or mine.public is None else mine.public - best
    return LeaderboardPlace(
        place=competition.place,
        teams=competition.teams,
        best=best,
        difference=difference,
        larger_is_better=larger,
    )
