"""Correlation of local scores with those of the leaderboard."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kit.kaggle.ledger import Entry
from kit.metrics.direction import smaller_is_better
from kit.significance import LEVEL

FEWEST = 3  # fewest points for a correlation


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCorrelation:
    """Correlation of one local metric with the public score of one competition.

    Attributes:
        competition: Slug of the competition.
        metric: Local metric; empty if unknown.
        n: Number of submissions with both scores.
        pearson: Pearson correlation; None with fewer than three points, or a constant score.
        spearman: Correlation of the ranks.
        falls: Whether smaller local scores are better.
        needed: Critical absolute correlation at the 5 % level for this n; None like `pearson`.
    """

    competition: str
    metric: str
    n: int
    pearson: float | None
    spearman: float | None
    needed: float | None
    falls: bool = False


def correlate_scores(entries: Iterable[Entry]) -> list[ScoreCorrelation]:
    """Correlate local and public scores, for each competition and metric in the ledger."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for entry in entries:
        local, public = entry.number("local_score"), entry.number("public_score")
        if local is not None and public is not None and math.isfinite(local) and math.isfinite(public):
            groups.setdefault((entry.competition, entry.metric), []).append((local, public))
    return [_correlate(*group, points) for group, points in groups.items()]


def _correlate(competition: str, metric: str, points: list[tuple[float, float]]) -> ScoreCorrelation:
    local, public = np.array(points).T
    n = len(points)
    if n < FEWEST or np.ptp(local) == 0 or np.ptp(public) == 0:
        return ScoreCorrelation(competition=competition, metric=metric, n=n, pearson=None, spearman=None, needed=None)
    from scipy.stats import rankdata, t  # noqa: PLC0415 (slow to import, and only this function needs it)

    quantile = float(t.ppf(1 - LEVEL / 2, n - 2))
    return ScoreCorrelation(
        competition=competition,
        metric=metric,
        n=n,
        pearson=float(np.corrcoef(local, public)[0, 1]),
        spearman=float(np.corrcoef(rankdata(local), rankdata(public))[0, 1]),
        needed=quantile / math.sqrt(n - 2 + quantile**2),
        falls=smaller_is_better(metric),
    )
