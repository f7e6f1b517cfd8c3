"""Rules that turn predictions into decisions."""

from __future__ import annotations

import msgspec


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rule by which a prediction becomes a class, tags or a grade.

    Attributes:
        thresholds: Probability from which the second of two classes is decided for; of each tag, in the target's order;
            or the G - 1 cut-offs between G grades, ascending, on the scale of the expected grade. Empty takes the
            target's own rule: the likeliest class or grade, tags from .5, and a number's nearest grade.
        least: Fewest tags of an image: the likeliest are added.
        most: Most tags of an image: the least likely are left out; None for any number.
    """

    thresholds: tuple[float, ...] = ()
    least: int = 0
    most: int | None = None

    def at_least(self, tags: int) -> Decision:
        """Raise the fewest tags of an image to so many."""
        return msgspec.structs.replace(self, least=max(tags, self.least))


NO_DECISION = Decision()
