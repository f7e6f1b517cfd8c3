"""Successive halving: many arms for a few epochs, the better third for more, the best arms to the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FACTOR = 3  # scikit-learn's default, close to e, the optimum in theory


class Rung(NamedTuple):
    """A rung, one round of training.

    Attributes:
        epochs: Total epochs of each arm at the end of the rung.
        arms: Number of arms that enter the rung.
    """

    epochs: int
    arms: int


def plan_rungs(arms: int, epochs: int, factor: int = FACTOR) -> list[Rung]:
    """Plan the rungs of successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943).

    As in scikit-learn's HalvingGridSearchCV, each rung keeps one arm in `factor`, rounded up, and trains it `factor`
    times as long; the last rung trains to the last epoch. There are as many rungs as arms or epochs allow.

    Args:
        arms: Number of arms.
        epochs: Epochs of a full training.
        factor: Reduction factor, 2 or more.

    >>> plan_rungs(48, 27)
    [Rung(epochs=1, arms=48), Rung(epochs=3, arms=16), Rung(epochs=9, arms=6), Rung(epochs=27, arms=2)]
    """
    cuts = min(_log(arms, factor), _log(epochs, factor))
    rungs: list[Rung] = []
    for cut in range(cuts, -1, -1):
        rungs.append(Rung(math.ceil(epochs / factor**cut), arms))
        arms = math.ceil(arms / factor)
    return rungs


def rank(scores: Mapping[str, float]) -> list[str]:
    """Sort arms by score, highest first; NaN comes last, and ties keep their order."""
    return sorted(scores, key=lambda arm: (math.isnan(scores[arm]), -scores[arm]))


def best_so_far(values: Sequence[float], epochs: int, *, smaller_is_better: bool) -> float:
    """Best value of a run's first epochs, signed so that larger is better; NaN if none is a number."""
    known = [value for value in values[:epochs] if not math.isnan(value)]
    if not known:
        return math.nan
    return -min(known) if smaller_is_better else max(known)


def _log(number: int, base: int) -> int:
    """Floor of a logarithm, computed exactly.

    >>> _log(26, 3), _log(27, 3)
    (2, 3)
    """
    power = 0
    while base ** (power + 1) <= number:
        power += 1
    return power
