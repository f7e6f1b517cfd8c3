"""Whether local scores can be trusted: how they go with those of the leaderboard."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kit.kaggle.ledger import Entry

_FEWEST = 3  # points that a correlation is about
_MANY = 10  # points from which one more hardly changes what is said
_LEVEL = 0.05  # probability of a correlation of mere chance that is put up with
_STRONG = 0.8  # Spearman's rho from which the order is nearly the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How one local metric goes with the public score of one competition.

    Attributes:
        competition: slug.
        metric: local; empty if it is not known.
        n: submissions with both scores.
        pearson: correlation; None with fewer than three points, or where a score never varies.
        spearman: correlation of the ranks.
        needed: |correlation| that chance reaches in one of twenty cases with this n; None like `pearson`.
    """

    competition: str
    metric: str
    n: int
    pearson: float | None
    spearman: float | None
    needed: float | None

    def sentence(self) -> str:
        """Say what the figures mean."""
        local = self.metric or "the local score"
        about = f"{self.competition}, {local} against the public score, n = {self.n}"
        if self.n < _FEWEST:
            return f"{about}: too few points to say anything; three are the fewest that a correlation is about"
        if self.pearson is None or self.spearman is None or self.needed is None:
            return f"{about}: one of the two never varies, so nothing can be said"
        figures = f"{about}: Pearson r = {self.pearson:.3f}, Spearman rho = {self.spearman:.3f}"
        return f"{figures}; {_meaning(local, self.n, self.pearson, self.spearman, self.needed)}"


def find_trust(entries: Iterable[Entry]) -> list[Trust]:
    """Correlate local and public scores, for each competition and metric that the ledger has."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in entries:
        local, public = entry.number("local_score"), entry.number("public_score")
        if local is not None and public is not None and math.isfinite(local) and math.isfinite(public):
            groups.setdefault((entry.competition, entry.metric), []).append((local, public))
    return [_trust(*group, points) for group, points in groups.items()]


def _trust(competition: str, metric: str, points: list[tuple[float, float]]) -> Trust:
    local, public = np.array(points).T
    n = len(points)
    if n < _FEWEST or np.ptp(local) == 0 or np.ptp(public) == 0:
        return Trust(competition=competition, metric=metric, n=n, pearson=None, spearman=None, needed=None)
    from scipy.stats import rankdata, t  # noqa: PLC0415 (slow to import, and only this function needs it)

    quantile = float(t.ppf(1 - _LEVEL / 2, n - 2))
    return Trust(
        competition=competition,
        metric=metric,
        n=n,
        pearson=float(np.corrcoef(local, public)[0, 1]),
        spearman=float(np.corrcoef(rankdata(local), rankdata(public))[0, 1]),
        needed=quantile / math.sqrt(n - 2 + quantile**2),
    )


def _meaning(local: str, n: int, pearson: float, spearman: float, needed: float) -> str:
    if max(abs(pearson), abs(spearman)) < needed:
        return f"{n} points are too few to tell this from chance, which reaches {needed:.2f} in one of twenty cases"
    way = "rises with it" if spearman > 0 else "falls as it rises (as a loss does against an accuracy)"
    how = (
        "in nearly the same order: trust" if abs(spearman) >= _STRONG else "but the order often differs: do not rely on"
    )
    few = f"; with {n} points that may change yet" if n < _MANY else ""
    return f"the public score {way}, {how} {local} to choose what to submit{few}"
