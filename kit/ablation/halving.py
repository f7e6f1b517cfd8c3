"""Successive halving: many arms for a few epochs, the better third for more, the best of them to the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

FACTOR = 3  # scikit-learn's default, close to the e that the theory favours


class Rung(NamedTuple):
    """A round of training.

    Attributes:
        epochs: Epochs that each of its arms has been trained for at its end.
        arms: Arms that go into it.
    """

    epochs: int
    arms: int


def plan_rungs(arms: int, epochs: int, factor: int = FACTOR) -> list[Rung]:
    """Lay out the rungs of a successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943).

    As in scikit-learn's HalvingGridSearchCV, each rung keeps one arm in `factor`, rounded up, and trains it `factor`
    times as long; the last rung trains to the last epoch. There are as many rungs as arms or epochs allow.

    Args:
        arms: Arms that take part.
        epochs: Epochs of a whole training.
        factor: 2 or more.

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
    """Order arms by their scores, the highest first; NaN is last, and equals stay in the order given."""
    return sorted(scores, key=lambda arm: (math.isnan(scores[arm]), -scores[arm]))


def best_so_far(values: Sequence[float], epochs: int, *, smaller_is_better: bool) -> float:
    """Best value of a run's first epochs, turned so that more is better; NaN if none is a number."""
    known = [value for value in values[:epochs] if not math.isnan(value)]
    if not known:
        return math.nan
    return -min(known) if smaller_is_better else max(known)


def _log(number: int, base: int) -> int:
    """Whole part of a logarithm, exactly.

    >>> _log(26, 3), _log(27, 3)
    (2, 3)
    """
    power = 0
    while base ** (power + 1) <= number:
        power += 1
    return power
