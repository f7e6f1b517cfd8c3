"""Several guesses per image, the best first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.averages import ImageWeights, ScoreValues, mean
from kit.metrics.declaration import registered
from kit.metrics.forms import by_means

_GUESSES = r"@(?P<guesses>[1-9]\d{0,5})"
_OPTIONS: dict[str, Any] = {"reads": {"guesses": int}, "judges": "ranks", "targets": frozenset({"classes"})}


def _reciprocals(truth: NDArray[Any], ranks: NDArray[Any], *, guesses: int = 5) -> NDArray[Any]:
    right = truth[:, None] == ranks[:, :guesses]
    return np.where(right.any(axis=1), 1 / (1 + right.argmax(axis=1)), 0)


def _are_among(truth: NDArray[Any], ranks: NDArray[Any], *, guesses: int = 5) -> NDArray[Any]:
    return np.asarray((truth[:, None] == ranks[:, :guesses]).any(axis=1))


@registered("map@5", form="map@K", pattern=f"map{_GUESSES}", form_of_weights=by_means(_reciprocals), **_OPTIONS)
def mean_average_precision(
    truth: NDArray[Any], ranks: NDArray[Any], weights: ImageWeights = None, *, guesses: int = 5
) -> ScoreValues:
    """Mean of 1 / the position of the true class among K guesses, 0 where it is not among them.

    Higher is better; classes; judges ranks.

    Average precision of an image that has one class is the reciprocal rank. Used by
    whale-categorization-playground, hotel-id-2021-fgvc8, humpback-whale-identification.
    """
    return float(mean(_reciprocals(truth, ranks, guesses=guesses), weights))


@registered("top@5", form="top@K", pattern=f"top{_GUESSES}", form_of_weights=by_means(_are_among), **_OPTIONS)
def top_accuracy(
    truth: NDArray[Any], ranks: NDArray[Any], weights: ImageWeights = None, *, guesses: int = 5
) -> ScoreValues:
    """Share of images whose true class is among K guesses.

    Higher is better; classes; judges ranks.

    One minus the top-K error, of ImageNet for K = 5 and of inaturalist-2019-fgvc6 for K = 1 (Russakovsky et al. 2015,
    arXiv:1409.0575).
    """
    return float(mean(_are_among(truth, ranks, guesses=guesses), weights))
