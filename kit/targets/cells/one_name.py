"""Cells of classes and grades: one name, or several guesses at it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from kit.metrics.score import Judges
from kit.targets.cells.held import Held
from kit.targets.cells.spelling import spell_numbers
from kit.targets.cells.target_cells import TargetCells
from kit.targets.cells.text import is_probability, number_of, separators_of, split_names

PAIR = 2  # names of which one probability says all


class OneNameCells(TargetCells):
    """Cells of a target that gives each image one of its names."""

    __slots__ = ()

    def hold_all(self, cells: Sequence[str]) -> Held:
        """Find names, numbers for them, or guesses; a few names of the sample may have no labelled image."""
        if (ranks := self._ranks(cells)) is not None:
            return ranks
        if strangers := self._strangers(cells):
            return Held("decisions", strangers=tuple(strangers))
        return Held(self._held(cells))

    def _held(self, cells: Sequence[str]) -> Judges | None:
        """Find the contents of cells among which are no strangers."""
        raise NotImplementedError

    def _ranks(self, cells: Sequence[str]) -> Held | None:
        """Read cells of k names each, of which most are known."""
        known = set(self.names)
        for separator in separators_of(known):
            parts = [split_names(cell, separator, known) for cell in cells]
            found = {part for names in parts for part in names}
            counts = {len(names) for names in parts}
            if parts and len(counts) == 1 and counts != {1} and 2 * len(found & known) > len(found):
                return Held("ranks", separator, counts.pop())
        return None

    def _strangers(self, cells: Sequence[str]) -> list[str]:
        """List the cells that no prediction would be; none where most are names or numbers of them."""
        numbers = {number for name in self.names if (number := number_of(name)) is not None}
        lost = [cell for cell in cells if cell not in self.names and number_of(cell) not in numbers]
        lost = [cell for cell in lost if not self._is_between(cell, numbers)]
        if len(self.names) == PAIR or len(cells) == 1:  # a probability, or the same for all
            lost = [cell for cell in lost if not is_probability(cell)]
        return [] if 2 * len(lost) < len(cells) or self._are_ids(cells) else lost

    def _is_between(self, cell: str, numbers: Collection[Decimal]) -> bool:
        """Whether a cell is a number that lies between the names'."""
        del cell, numbers
        return False

    def _are_ids(self, cells: Sequence[str]) -> bool:
        """Whether the only cell may be a name without a labelled image, as an id among ids."""
        del cells
        return False

    def spell(self, cells: Sequence[str], column: str) -> Mapping[str, str]:
        """Spell names that are numbers as the sample does."""
        del column
        return spell_numbers(self.names, cells)
