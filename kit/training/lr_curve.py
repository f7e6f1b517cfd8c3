"""Evaluation of a learning-rate range test: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WIDTH = 2.5  # steps: standard deviation of the weights of neighbours; a fifth of a factor of ten
BEGIN = 10  # steps at the lowest rates, whose mean is the initial loss
_CLIPPED = 2.0  # times the initial loss: diverging losses do not distort the mean of their neighbours
_NOISE = 2.0  # standard deviations around the smoothed loss: a smaller fall is noise
_FALLING = 0.1  # share of the whole fall after which the loss counts as falling
_BELOW = 10.0  # the suggested rate is so many times lower than the rate of the lowest loss


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Losses at increasing learning rates.

    Attributes:
        rates: Learning rates, ascending.
        losses: Loss of one batch at each rate, before its step.
        is_diverged: Whether the loss diverged after the last of them.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    is_diverged: bool

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """Float64 [steps]: losses smoothed by a Gaussian average of their neighbours, after clipping high ones."""
        clipped = np.minimum(self.losses, _CLIPPED * self.beginning)
        indices = np.arange(len(clipped))
        weights = np.exp(-0.5 * ((indices[:, np.newaxis] - indices) / _WIDTH) ** 2)
        return np.asarray(weights @ clipped / weights.sum(axis=1))

    @property
    def beginning(self) -> float:
        """Mean loss at the lowest rates, which hardly change the weights."""
        return float(np.mean(self.losses[:BEGIN]))

    @property
    def lowest(self) -> float:
        """Rate of the lowest smoothed loss."""
        return self.rates[int(self.smoothed.argmin())]

    @property
    def falls_from(self) -> float | None:
        """Rate at which the smoothed loss begins to fall; None if it falls by no more than its noise."""
        smoothed = self.smoothed
        until = int(smoothed.argmin()) + 1
        fall = self.beginning - float(smoothed.min())
        noise = float(np.std((self.losses - smoothed)[: max(until, BEGIN)]))
        if fall <= _NOISE * noise:
            return None
        above = np.flatnonzero(smoothed[:until] >= self.beginning - _FALLING * fall)
        return self.rates[int(above[-1])] if len(above) else self.rates[0]

    @property
    def suggestion(self) -> float | None:
        """Suggested rate, two digits: a tenth of that of the lowest loss, or the middle of a short fall."""
        if self.falls_from is None:
            return None
        return float(f"{max(self.lowest / _BELOW, math.sqrt(self.falls_from * self.lowest)):.2g}")

    @property
    def finding(self) -> str:
        """Suggestion as a sentence."""
        if self.suggestion is None:
            return (
                f"no rate made the loss fall by more than its noise in {len(self.rates)} steps: nothing to suggest;"
                " a larger train.batch_size makes it calmer"
            )
        end = (
            f"diverges after {self.rates[-1]:.2g}" if self.is_diverged else f"has not diverged at {self.rates[-1]:.2g}"
        )
        return (
            f"the loss falls from {self.falls_from:.2g} on, is lowest at {self.lowest:.2g} and {end}:"
            f" try train.learning_rate={self.suggestion:g}"
        )
