"""Cells of grades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics.score import Judges
from kit.targets.cells.one_name import OneNameCells
from kit.targets.cells.target_cells import Range
from kit.targets.cells.text import is_fraction, number_of


class GradeCells(OneNameCells):
    """Cells of grades: a grade, the expected one, or a probability of each."""

    __slots__ = ()

    def _held(self, cells: Sequence[str]) -> Judges | None:
        if any(is_fraction(cell) for cell in cells if cell not in self.names):
            return "numbers"
        return "decisions" if any(number_of(name) is None for name in self.names) else None

    def _is_between(self, cell: str, numbers: Collection[Decimal]) -> bool:
        """Whether a cell is an expected grade."""
        number = number_of(cell)
        return number is not None and bool(numbers) and min(numbers) <= number <= max(numbers)

    def settle(self, judges: Judges | None, *, is_each: bool) -> Judges:
        """Write the expected grade where the metric judges numbers, else the grade."""
        if is_each:
            return super().settle(judges, is_each=is_each)
        return "numbers" if judges == "numbers" else "decisions"

    def _describe_one(self, column: str) -> str:
        del column
        return f"one of {self._listed()}, or the expected grade"

    def _ordered(self) -> Sequence[str]:
        return self.names

    def cell_numbers(self, numbers: NDArray[np.float64]) -> NDArray[Any]:
        """Put expected grades, float64 [n] and 0 for the lowest, on the scale of names that are all numbers."""
        named = self._numbers()
        return np.interp(numbers, np.arange(len(named)), named) if len(named) == len(self.names) else numbers

    def number_range(self, columns: Sequence[str]) -> Range | None:
        """Find the lowest and the highest grade; None for words."""
        del columns
        numbers = self._numbers()
        return (min(numbers), max(numbers)) if numbers else None

    def _numbers(self) -> list[float]:
        return [float(number) for name in self.names if (number := number_of(name)) is not None]
