"""What was measured, and what it says: pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from kit.specs import RunSpec
from kit.specs.train import Cache

_NOTHING = 1.05  # times as long as on one batch: less is noise, and not worth a setting
_SPARE = 20.0  # times as fast as the model: even on the same cores, such an input costs no more than that


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Images a second, round by round; the parts of a round were measured right after each other.

    Attributes:
        spec: Settings of the run that was measured.
        cache: Cache of the images: "memory", "disk" or "none".
        formats: Formats that they are stored in.
        gpus: GPUs that took part; 0 where the CPU did all.
        cores: Cores of the CPU.
        input: Rates of the input alone.
        plain: Rates of the input alone without augmentation; empty where there is none to leave out.
        model: Rates of the model alone, on one batch again and again.
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
        """How many times as long a training takes as it would on one batch: median of the rounds' ratios."""
        return statistics.median(model / both for model, both in zip(self.model, self.together, strict=True))

    @property
    def headroom(self) -> float:
        """How many times as fast as the model the input is: median of the rounds' ratios."""
        return statistics.median(fed / model for fed, model in zip(self.input, self.model, strict=True))

    @property
    def bottleneck(self) -> str:
        """What a training waits for: "model", "input", or "cores" that both of them need."""
        if self.slowdown <= _NOTHING or self.headroom >= _SPARE:
            return "model"
        return "input" if self.headroom < 1 or self.gpus else "cores"
