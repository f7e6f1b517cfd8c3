"""What was measured, and what it says: pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from kit.specs import RunSpec
from kit.specs.train import Cache

_NOTHING = 1.05  # times as long as on one batch: less is noise, and not worth a setting
_SPARE = 20.0  # times as fast as the model: even on the same cores, such an input costs no more than that
_HALF = 0.5  # of the unvaried input's images/s: below, augmentation is most of the work
_ENOUGH = 256  # images: larger batches hardly make a GPU any busier


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Images a second, round by round; the parts of a round were measured right after each other.

    Attributes:
        spec: of the run that was measured.
        cache: where the images lay: "memory", "disk" or "none".
        formats: that they are stored in.
        gpus: that took part; 0 where the CPU did all.
        cores: of the CPU.
        input: of the input alone.
        plain: of the input alone without augmentation; empty where there is none to leave out.
        model: of the model alone, on one batch again and again.
        together: of a training.
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

    @property
    def finding(self) -> str:
        """The bottleneck in a sentence."""
        times = f"training takes {self.slowdown:.2f} times as long as on one batch"
        fed = f"the input alone is {self.headroom:.1f} times as fast as the model"
        if self.bottleneck == "model":
            return f"bottleneck: the model; {fed}, and {times}"
        if self.bottleneck == "input":
            return f"bottleneck: the input; {times}"
        return f"bottleneck: the {self.cores} cores, which input and model share; {fed}, and {times}"

    @property
    def advice(self) -> str:
        """The setting that would move the bottleneck, in a sentence."""
        return f"what would move it: {self._for_the_model if self.bottleneck == 'model' else self._for_the_input}"

    @property
    def _for_the_model(self) -> str:
        if not self.gpus:
            return "a GPU; or smaller images (kit shard --size), or fewer model.filters"
        size = self.spec.train.batch_size
        larger = f"--set train.batch_size={2 * size}, " if size < _ENOUGH else ""
        return f"{larger}--precision mixed_float16, or more GPUs"

    @property
    def _for_the_input(self) -> str:
        if self.plain and statistics.median(self.input) < _HALF * statistics.median(self.plain):
            share = 1 - statistics.median(fed / plain for fed, plain in zip(self.input, self.plain, strict=True))
            return f"augmentation is {share:.0%} of the input's work: less of it, smaller images, or more cores"
        if self.cache == "none":
            raw = "" if self.formats == ("raw",) else ", or kit shard --encoding raw, which needs no decoding"
            return f"--cache memory, or --cache disk where they do not fit{raw}"
        return "smaller images (kit shard --size), or more cores"
