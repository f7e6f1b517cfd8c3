"""Cells of a written file that are none of a target's, found before they are sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.errors import first_three
from kit.targets.cells.spelling import Spelling
from kit.targets.cells.text import number_of, parts_of, split_names

Rows = NDArray[np.bool_]

_SIGNS = {" ": "blanks", ",": "commas", ";": "semicolons", "|": "bars"}


class OddCells(NamedTuple):
    """Cells that predictions of the target would not be.

    Attributes:
        what: Fault in words.
        rows: Bool [n], rows that have it; None where `what` names the cells.
    """

    what: str
    rows: Rows | None = None


def odd_names(
    cells: Sequence[str], names: Sequence[str], spelling: Spelling, sampled: Collection[str], plural: str
) -> Iterator[OddCells]:
    """Find cells that are no class or grade, or one in another spelling.

    Args:
        cells: Cells of n rows; empty ones are no fault here.
        names: Names of the target.
        spelling: Spelling of the names.
        sampled: Cells of the sample, which may hold names of no labelled image.
        plural: Kind of the target.
    """
    written = [spelling.write(name) for name in names]
    known, numbers = {"", *written, *sampled}, {number_of(name): name for name in written}
    strange = [cell not in known for cell in cells]
    respelled = [
        is_strange and number_of(cell) is not None and number_of(cell) in numbers
        for cell, is_strange in zip(cells, strange, strict=True)
    ]
    if any(respelled):
        first = cells[respelled.index(True)]
        what = f"{plural} written {first} where the sample has {numbers[number_of(first)]}"
        yield OddCells(what, np.asarray(respelled))
    others = {cell for cell, one, other in zip(cells, strange, respelled, strict=True) if one and not other}
    if others:
        listed = first_three(sorted(written), len(written))
        yield OddCells(f"values outside the {plural} {listed}: {first_three(sorted(others), len(others))}")


def odd_guesses(
    cells: Sequence[str],
    names: Sequence[str],
    spelling: Spelling,
    sampled: Collection[str],
    plural: str,
    *,
    guesses: int,
) -> Iterator[OddCells]:
    """Find guesses that are unknown or named twice, and wrong numbers of guesses; see `odd_names`."""
    known = {spelling.write(name) for name in names}
    parts = [split_names(cell, spelling.separator, known) for cell in cells]
    wrong = np.asarray([bool(row) and len(row) != guesses for row in parts], bool)
    if wrong.any():
        counts = sorted({len(row) for row, is_wrong in zip(parts, wrong, strict=True) if is_wrong})
        found = first_three(map(str, counts), len(counts)) if len(counts) > 1 else str(counts[0])
        yield OddCells(f"{found} guesses instead of {guesses}", wrong)
    also = {part for cell in sampled for part in split_names(cell, spelling.separator, known)}
    yield from unknown_parts(parts, known | also, f"guesses outside the {plural}", spelling.separator)
    yield from repeated_parts(parts, "guesses")


def unknown_parts(
    parts: Sequence[Sequence[str]], known: Collection[str], what: str, separator: str
) -> Iterator[OddCells]:
    """Find parts of cells that are none of those known, and say where another sign may have been meant."""
    rows = np.asarray([any(one not in known for one in row) for row in parts], bool)
    if rows.any():
        names = sorted({one for row in parts for one in row if one not in known})
        others = [sign for sign in _SIGNS if sign != separator and all(_are_known(one, sign, known) for one in names)]
        hint = f" (the sample separates by {_SIGNS.get(separator, separator)})" if others else ""
        yield OddCells(f"{what}: {first_three(names, len(names))}{hint}", rows)


def repeated_parts(parts: Sequence[Sequence[str]], what: str) -> Iterator[OddCells]:
    """Find cells that hold a part twice."""
    rows = np.asarray([len(set(row)) < len(row) for row in parts], bool)
    if rows.any():
        yield OddCells(f"{what} named twice", rows)


def _are_known(text: str, sign: str, known: Collection[str]) -> bool:
    parts = parts_of(text, sign)
    return len(parts) > 1 and all(part in known for part in parts)
