"""What cells hold: found in a sample, or chosen for a file without one."""

from __future__ import annotations

from typing import NamedTuple

from kit.metrics.score import Judges


class Held(NamedTuple):
    """Contents of a sample's cells.

    Attributes:
        judges: Contents, in the words of `Metric.judges`; None where the cells leave it open.
        separator: Sign between the tags or guesses of one cell.
        guesses: Number of names in each cell, the likeliest first; 0 where cells are no ranks.
        strangers: Cells that predictions of the target cannot fill.
    """

    judges: Judges | None
    separator: str = " "
    guesses: int = 0
    strangers: tuple[str, ...] = ()


class PlainForm(NamedTuple):
    """Form of a file without a sample.

    Attributes:
        holds: Contents of its cells.
        is_each: Whether each name has a column.
        separator: Sign between the tags of one cell.
    """

    holds: Judges
    is_each: bool
    separator: str = " "
