"""Designs: ways to choose the arms of an ablation."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kit.ablation.axis import Axis
from kit.errors import SpecError, option, require, worded

Kind = Literal["grid", "one-at-a-time", "ladder", "random", "search"]

_COUNTED = ("random", "search")
_RANGES = worded(
    "--learning-rate log:1e-4..1e-1 --dropout 0..0.5",
    "kit.parse_axis('train.learning_rate', 'log:1e-4..1e-1'), kit.parse_axis('model.dropout', '0..0.5')",
)


@dataclass(frozen=True, slots=True)
class Design:
    """Way to build arms from axes.

    Attributes:
        kind: "grid" is every combination; "one-at-a-time" the recipe, then every value that differs from it;
            "ladder" the recipe's own arms, without axes; "random" the recipe, then arms drawn from the axes; "search"
            the recipe, then arms that a Parzen estimator proposes by the results of earlier ones.
        count: Arms of "random" and "search", the recipe's among them.
    """

    kind: Kind
    count: int | None = None

    def __post_init__(self) -> None:
        """Refuse a count for a design without one, and a missing count for a design with one."""
        if not self.draws:
            require(self.count is None, f"design {self.kind} takes no number, got {self}")
            return
        require(self.count is not None, f"design {self.kind} needs a number of arms, as in {self.kind}:20")
        require((self.count or 0) > 1, f"design {self} needs 2 arms or more: the first is the recipe's own")

    @property
    def draws(self) -> bool:
        """Whether arms are drawn from the axes, so that another call may add more."""
        return self.kind in _COUNTED

    def __str__(self) -> str:
        """Format the design as `parse_design` reads it."""
        return self.kind if self.count is None else f"{self.kind}:{self.count}"


def parse_design(text: str) -> Design:
    """Read "grid", "one-at-a-time", "ladder", "random:20" or "search:20".

    Raises:
        SpecError: The text is none of these.
    """
    kind, colon, count = text.strip().partition(":")
    known = typing.get_args(Kind)
    named = ", ".join(f"{name}:N" if name in _COUNTED else name for name in known)
    require(kind in known, f"design must be one of {named}, got '{text}'")
    require(not colon or count.isdecimal(), f"design '{text}' must end in a whole number, as in {kind}:20")
    return Design(kind, int(count) if colon else None)  # type: ignore[arg-type]  # one of the known kinds


def refuse_axes(axes: Sequence[Axis], design: Design) -> None:
    """Refuse axes unsuited to a design.

    Raises:
        SpecError: The axes do not fit; the message says what to write instead.
    """
    paths = [axis.path for axis in axes]
    if twice := sorted({path for path in paths if paths.count(path) > 1}):
        raise SpecError(f"{', '.join(twice)} is varied twice; join the values with commas")
    require(
        not axes or design.kind != "ladder",
        f"design ladder runs the recipe's own arms and varies nothing; leave {', '.join(paths)} out, or give"
        f" {option('design', 'grid')}",
    )
    require(
        bool(axes) or not design.draws,
        f"design {design} needs settings to draw from, as in {_RANGES}",
    )
    for axis in axes:
        if (found := axis.range) and not design.draws:
            raise SpecError(
                f"{axis.path}={found} is a range, and design {design} takes values, as in"
                f" {axis.path}={found.low},{found.high}; or give {option('design', 'random:20')}"
            )
