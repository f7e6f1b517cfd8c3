"""Cells of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.metrics.score import Judges
from kit.targets.cells.held import PlainForm
from kit.targets.cells.one_name import PAIR, OneNameCells
from kit.targets.cells.text import is_fraction, number_of

_MARKS = {0, 1}


class ClassCells(OneNameCells):
    """Cells of classes: a name, k guesses, a probability of each, or of two classes that of one."""

    __slots__ = ()

    @property
    def keeps_best(self) -> bool:
        """Whether only the likeliest classes are kept; see `Target.keeps_best`."""
        raise NotImplementedError

    @property
    def is_pair(self) -> bool:
        """Whether there are two classes, of which one probability says all."""
        return len(self.names) == PAIR

    def _held(self, cells: Sequence[str]) -> Judges | None:
        others = [cell for cell in cells if cell not in self.names]
        if not self.is_pair:
            return "decisions"
        if any(map(is_fraction, others)):
            return "probabilities"
        return "decisions" if cells and all(number_of(cell) is None for cell in cells) else None

    def _are_ids(self, cells: Sequence[str]) -> bool:
        return len(cells) == 1 and all(name.isdecimal() for name in (*self.names, *cells))

    def spell(self, cells: Sequence[str], column: str) -> Mapping[str, str]:
        """Spell classes that are numbers as the sample does; words as 0 and 1 where its column is called after one."""
        are_words = all(number_of(name) is None for name in self.names)
        are_marks = bool(cells) and {number_of(cell) for cell in cells} <= _MARKS
        if are_words and are_marks and self._named_by(column) is not None:
            return {name: str(int(index == self.told(column))) for index, name in enumerate(self.names)}
        return super().spell(cells, column)

    def told(self, column: str) -> int:
        """Index the class whose probability one column tells: the one that it is called after, else the last."""
        named = self._named_by(column)
        return super().told(column) if named is None else named

    def positive(self, columns: Sequence[str]) -> str:
        """Name the one of two classes that a file's only column is about, see `told`; empty for other files."""
        return self.names[self.told(columns[0])] if self.is_pair and len(columns) == 1 else ""

    def _named_by(self, column: str) -> int | None:
        """Index the one of two classes that a column is called after, in capitals or not; None for neither."""
        found = [index for index, name in enumerate(self.names) if column == name]
        found = found or [index for index, name in enumerate(self.names) if column.casefold() == name.casefold()]
        return found[0] if self.is_pair and len(found) == 1 else None

    def plain(self, judges: Judges | None, *, is_decided: bool = False) -> PlainForm:
        """Write a probability of each class unless the metric says otherwise; above 1,000 the likeliest class."""
        if not is_decided and (judges is None or self.is_pair):
            judges = "decisions" if self.keeps_best else "probabilities"
        return super().plain(judges, is_decided=is_decided)

    def _describe_one(self, column: str) -> str:
        if not self.is_pair:
            return super()._describe_one(column)
        first, second = self._ordered()
        return f"the probability of {self.names[self.told(column)]}, or {first} or {second}"

    def metric_of(self, holds: str) -> str:
        """Name the metric of cells without a dataset's own: the AUC of probabilities, else accuracy."""
        return "auc" if holds == "probabilities" else super().metric_of(holds)
