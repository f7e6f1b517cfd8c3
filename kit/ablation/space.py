"""Search space: the arms that the axes span."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.ablation.axis import Axis, normalized
from kit.errors import SpecError
from kit.specs import Setting, arm_name, override, value_of
from kit.specs.settings import number_kind

_SEED = 0  # seed of the draws: the same axes always give the same arms
_FRUITLESS = 20_000  # consecutive draws without a new arm: of 2,000 arms all but one in 20,000 times are drawn by then


@dataclass(frozen=True, slots=True)
class Arm:
    """One setting of an ablation.

    Attributes:
        name: Short form of the changes, such as "bn_position=before,bn_momentum=0.5".
        settings: Pairs of dotted path and value.
    """

    name: str
    settings: tuple[tuple[str, str], ...]


class Space:
    """Every combination of values of the axes; of combinations with equal settings only the first counts.

    Attributes:
        axes: Axes with normalized values.
        baseline: Arm without changes; its values may lie outside the axes.
    """

    def __init__(self, axes: Sequence[Axis], base: Setting) -> None:
        self._base = base
        self._arms: dict[Setting, Arm] = {}
        self.axes = [normalized(axis, base) for axis in axes]
        self.baseline = self._only(base, [value_of(base, axis.path) for axis in axes])

    def arm(self, values: Sequence[str]) -> Arm | None:
        """Build the arm of one value per axis; None if the values exclude each other."""
        changes = {axis.path: value for axis, value in zip(self.axes, values, strict=True)}
        try:
            return self._only(override(self._base, changes), values)
        except SpecError:
            return None

    def is_whole(self, axis: Axis) -> bool:
        """Whether an axis takes whole numbers only."""
        return number_kind(self._base, axis.path) is int

    def draw(self) -> Iterator[Arm]:
        """Draw arms without replacement, the baseline first, until no new ones come."""
        generator = random.Random(_SEED)  # noqa: S311 (nothing here is secret)
        whole = [self.is_whole(axis) for axis in self.axes]
        drawn = {self.baseline}
        yield self.baseline
        misses = 0
        tried = set()
        while misses < _FRUITLESS:
            values = tuple(
                axis.at(generator.random(), whole=is_whole) for axis, is_whole in zip(self.axes, whole, strict=True)
            )
            misses += 1
            if values in tried:
                continue
            tried.add(values)
            arm = self.arm(values)
            if arm and arm not in drawn:
                misses = 0
                drawn.add(arm)
                yield arm

    def _only(self, setting: Setting, values: Sequence[str]) -> Arm:
        pairs = tuple((axis.path, value) for axis, value in zip(self.axes, values, strict=True))
        return self._arms.setdefault(setting, Arm(arm_name(dict(pairs), otherwise="base"), pairs))
