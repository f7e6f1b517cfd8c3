"""What a learning-rate range test says: pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WIDTH = 2.5  # steps: standard deviation of the weights of neighbours; a fifth of a factor of ten
BEGIN = 10  # steps, the lowest rates, whose mean loss is where it begins
_CLIPPED = 2.0  # times the loss where it begins: what diverges is not drawn into the mean of its neighbours
_NOISE = 2.0  # standard deviations around the smoothed loss that it must fall by
_FALLING = 0.1  # share of the whole fall by which it must have fallen to be falling
_BELOW = 10.0  # times lower than the rate of the lowest loss is what is suggested


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Losses at growing learning rates.

    Attributes:
        rates: Learning rates, ascending.
        losses: Losses of one batch each, before its step.
        is_diverged: Whether the loss went up without end after the last of them.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    is_diverged: bool

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """Float64 [steps]: each loss averaged with its neighbours, nearer ones weighing more, the high ones clipped."""
        clipped = np.minimum(self.losses, _CLIPPED * self.beginning)
        indices = np.arange(len(clipped))
        weights = np.exp(-0.5 * ((indices[:, np.newaxis] - indices) / _WIDTH) ** 2)
        return np.asarray(weights @ clipped / weights.sum(axis=1))

    @property
    def beginning(self) -> float:
        """Mean loss at the lowest rates, which change nothing."""
        return float(np.mean(self.losses[:BEGIN]))

    @property
    def lowest(self) -> float:
        """Rate at which the smoothed loss is lowest."""
        return self.rates[int(self.smoothed.argmin())]

    @property
    def falls_from(self) -> float | None:
        """Rate from which on the smoothed loss falls until it is lowest; None if it falls by no more than its noise."""
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
        """Rate to train at, two digits: a tenth of the lowest loss's, or the middle of the fall where it is short."""
        if self.falls_from is None:
            return None
        return float(f"{max(self.lowest / _BELOW, math.sqrt(self.falls_from * self.lowest)):.2g}")

    @property
    def finding(self) -> str:
        """The suggestion in a sentence."""
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
