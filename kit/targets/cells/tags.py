"""Cells of tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np

from kit.metrics.score import Judges
from kit.targets.cells.held import Held, PlainForm
from kit.targets.cells.odd import OddCells, repeated_parts, unknown_parts
from kit.targets.cells.spelling import Spelling
from kit.targets.cells.target_cells import TargetCells
from kit.targets.cells.text import is_fraction, is_probability, separators_of, split_names
from kit.targets.label import Truth


class TagCells(TargetCells):
    """Cells of tags: those of an image joined by a sign, or a probability or mark of each."""

    __slots__ = ()

    separator: str
    no_tag: str
    are_columns: bool

    def join(self, names: Iterable[str]) -> str:
        """Join tags as a label holds them; the word for none where there are none."""
        return self.separator.join(names) or self.no_tag

    @property
    def word_for_none(self) -> str:
        """Word that stands where an image has no tag."""
        return self.no_tag

    def hold_each(self, cells: Sequence[str]) -> Held:
        """Find probabilities; 0 and 1 alone may be marks."""
        held = super().hold_each(cells)
        is_open = not held.strangers and not any(map(is_fraction, cells))
        return held._replace(judges=None) if is_open else held

    def hold_all(self, cells: Sequence[str]) -> Held:
        """Find the sign between tags, or probabilities of the only tag."""
        own = () if self.are_columns else (self.separator,)
        known = {*self.names, self.no_tag}
        lost: list[tuple[str, ...]] = []
        for separator in dict.fromkeys((*own, *separators_of(self.names))):
            parts = {cell: set(split_names(cell, separator, known)) for cell in cells}
            lost.append(tuple(cell for cell, found in parts.items() if not found <= known))
            if not lost[-1]:
                return Held("decisions", separator)
        if len(self.names) == 1 and all(map(is_probability, cells)):
            return Held("probabilities")
        return Held("decisions", strangers=min(lost, key=len))

    def plain(self, judges: Judges | None, *, is_decided: bool = False) -> PlainForm:
        """Write what the labels are: tags joined, or columns of 0 and 1."""
        form = super().plain(judges, is_decided=is_decided)
        has_columns = self.are_columns and form.holds != "ranks"
        return form._replace(is_each=form.is_each or has_columns, separator=self.separator)

    def _describe_list(self, parts: Sequence[str], unknown: Sequence[str]) -> str:
        return f"a list with {unknown[0]}, a tag of no labelled image" if unknown else f"a list of {len(parts)} tags"

    def _describe_one(self, column: str) -> str:
        del column
        return f"those of {self._listed()} that an image has, with '{self.separator}' between them"

    def cell_texts(self, decisions: Truth, spelling: Spelling) -> list[str]:
        """Join the tags of each image by the sample's sign."""
        return [
            spelling.separator.join(self.names[one] for one in np.flatnonzero(row)) or self.no_tag for row in decisions
        ]

    def read_cells(self, cells: Sequence[str], spelling: Spelling) -> Truth:
        """Split cells at the sample's sign: int8 [n, tags]."""
        return self.encode([self.join(self._tags(cell, spelling)) if cell else cell for cell in cells])

    def _tags(self, cell: str, spelling: Spelling) -> list[str]:
        return [] if cell == self.no_tag else spelling.parts(cell, self.names)

    def odd_cells(self, cells: Sequence[str], spelling: Spelling, sampled: Collection[str]) -> Iterator[OddCells]:
        """Find unknown tags, tags named twice, and the word for none beside others."""
        del sampled
        parts, known = [self._tags(cell, spelling) for cell in cells], {*self.names, self.no_tag} - {""}
        yield from unknown_parts(parts, known, f"unknown {self.kind()}", spelling.separator)
        yield from repeated_parts(parts, self.kind())
        beside = np.asarray([self.no_tag in row for row in parts], bool)
        if beside.any():
            yield OddCells(f"'{self.no_tag}' beside other {self.kind()}", beside)
