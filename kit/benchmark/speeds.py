"""Measured throughput and the bottleneck it shows, without side effects."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from kit.specs import RunSpec
from kit.specs.train import Cache

_NOTHING = 1.05  # times as long as on one batch: a smaller slowdown is noise, and not worth a setting
_SPARE = 20.0  # times as fast as the model: even on shared cores such an input costs no more than 5 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Images per second, round by round; the parts of a round were measured right after each other.

    Attributes:
        spec: Settings of the measured run.
        cache: Cache of the images: "memory", "disk" or "none".
        formats: Formats of the stored images.
        gpus: Number of GPUs; 0 on CPU alone.
        cores: Number of CPU cores.
        input: Rates of the input alone.
        plain: Rates of the input alone without augmentation; empty if there is no augmentation.
        model: Rates of the model alone, on one repeated batch.
        together: Rates of a training.
    """

    spec: RunSpec
    cache: Cache
    formats: tuple[str, ...]
    gpus: int
    cores: int
    input: Sequence[float]
    plain: Sequence[float]
    model: Sequence[float]
    together: Sequence[float]

    @property
    def slowdown(self) -> float:
        """Training time relative to training on one repeated batch: median of the rounds' ratios."""
        return statistics.median(model / both for model, both in zip(self.model, self.together, strict=True))

    @property
    def headroom(self) -> float:
        """Speed of the input relative to the model: median of the rounds' ratios."""
        return statistics.median(fed / model for fed, model in zip(self.input, self.model, strict=True))

    @property
    def bottleneck(self) -> str:
        """Bottleneck of a training: "model", "input", or "cores" that both share."""
        if self.slowdown <= _NOTHING or self.headroom >= _SPARE:
            return "model"
        return "input" if self.headroom < 1 or self.gpus else "cores"
