"""Cells of values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kit.metrics.score import Judges
from kit.targets.cells.held import Held, PlainForm
from kit.targets.cells.target_cells import Range, TargetCells
from kit.targets.cells.text import number_of


class ValueCells(TargetCells):
    """Cells of values: a number of each."""

    __slots__ = ()

    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    @property
    def needs_each(self) -> bool:
        """Whether there are several values, which no one column holds."""
        return len(self.names) > 1

    def hold_each(self, cells: Sequence[str]) -> Held:
        """Find numbers."""
        return Held("numbers", strangers=tuple(cell for cell in cells if number_of(cell) is None))

    def hold_all(self, cells: Sequence[str]) -> Held:
        """Find numbers of the only value."""
        return self.hold_each(cells)

    def plain(self, judges: Judges | None, *, is_decided: bool = False) -> PlainForm:
        """Write a column of each value."""
        del judges, is_decided
        return PlainForm("numbers", is_each=True)

    def describe_cell(self, cell: str) -> str:
        """Explain that a cell is no number."""
        del cell
        return "no number"

    def describe_written(self, columns: Sequence[str]) -> str:
        """Explain that kit writes numbers."""
        del columns
        return f"a number into each of {', '.join(self.names)}" if self.needs_each else "a number"

    def number_range(self, columns: Sequence[str]) -> Range:
        """Find the range of each column's value, or of all where rows are of different values."""
        if len(columns) != len(self.names):
            return min(self.lowest), max(self.highest)
        order = [self.names.index(name) if name in self.names else index for index, name in enumerate(columns)]
        return np.asarray(self.lowest)[order], np.asarray(self.highest)[order]
