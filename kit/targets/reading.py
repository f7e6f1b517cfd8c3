"""What labels were found to be, in words, and what else they may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SHOWN = 5  # names that a line lists; of more, the first and the last


class Reading(NamedTuple):
    """What labels were found to be.

    Attributes:
        what: Number and kind of the names, as in "6 classes"; where they stand may follow.
        detail: Names, or the ranges of values, with what is odd about them.
        other: Option that reads them otherwise, see `kit.errors.option`, and its effect; empty for none.
    """

    what: str
    detail: str
    other: str = ""


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """List names; whole numbers in a row, and many others, by the first and the last.

    >>> listed(["0", "1", "2"]), listed(["a", "b"]), listed(["a", "b", "c"], 2)
    ('0 to 2', 'a, b', 'a, … c')
    """
    numbers = [int(name) if name.isdecimal() else None for name in names]
    if len(names) > 2 and numbers == list(range(numbers[0] or 0, (numbers[0] or 0) + len(names))):  # noqa: PLR2004
        return f"{names[0]} to {names[-1]}"
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[: most - 1])}, … {names[-1]}"
