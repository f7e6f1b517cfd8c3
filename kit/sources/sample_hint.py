"""What a sample submission says of the labels before they are read: their columns, and whether they are measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from kit.errors import SourceError
from kit.sources.image_table import read_table
from kit.sources.long_form import split_id
from kit.targets.cells.text import SEPARATORS, is_fraction, number_of, parts_of


@dataclass(frozen=True, slots=True)
class SampleHint:
    """Hints of a sample submission.

    Attributes:
        ids: Texts of the first column.
        columns: Names of the others.
        cells: Different texts in them.
    """

    ids: Sequence[str] = ()
    columns: tuple[str, ...] = ()
    cells: frozenset[str] = frozenset()

    def label_columns(self, table: pd.DataFrame) -> list[str]:
        """Choose the columns of a label file that are to be predicted.

        They are called as the sample's columns or as the ends of its ids; or a column holds the sample's columns as
        labels.

        Args:
            table: Columns that may be labels.
        """
        names = [str(name) for name in table.columns]
        if set(self.columns) <= set(names):
            return [name for name in names if name in self.columns]
        if len(self.columns) == 1:
            return self._named_by_ids(names)
        holding = [name for name in names if set(self.columns) <= set(table[name].astype(str).str.strip())]
        return holding if len(holding) == 1 else []

    def _named_by_ids(self, names: Sequence[str]) -> list[str]:
        """Choose the columns that ids in long form end with, where they are several and all ids do."""
        if not self.ids or not split_id(self.ids[0], names)[1]:
            return []
        ends = {split_id(one, names)[1] for one in self.ids}
        return [name for name in names if name in ends] if len(ends) > 1 and "" not in ends else []

    def choose(self, counts: Mapping[str, int], targets: Collection[str]) -> str:
        """Choose between readings of labels that are numbers; empty where the sample does not tell.

        A cell that no class would be, a fraction or a number written with a point where the labels have none, makes
        values; columns called as the labels, or cells of several labels, make classes.
        """
        if not {"classes", "values"} <= set(targets):
            return ""
        if len(self.columns) > 1:
            return "classes" if set(self.columns) == set(counts) else ""
        if any(self._are_ranks(cell, counts) for cell in self.cells):
            return "classes"
        others = [cell for cell in self.cells if cell not in counts and number_of(cell) is not None]
        has_points = any("." in label for label in counts)
        is_measured = any(is_fraction(cell) or ("." in cell and not has_points) for cell in others)
        return "values" if is_measured else ""

    @staticmethod
    def _are_ranks(cell: str, labels: Collection[str]) -> bool:
        every = (parts_of(cell, sign) for sign in SEPARATORS)
        return any(len(parts) > 1 and set(parts) & set(labels) for parts in every)


NO_HINT = SampleHint()


def read_hint(sample_submission: str | None) -> SampleHint:
    """Look into a sample submission; one that cannot be read says nothing, and is refused when its ids are read."""
    if not sample_submission:
        return NO_HINT
    try:
        table = read_table(Path(sample_submission))
    except SourceError:
        return NO_HINT
    values = table.iloc[:, 1:]
    cells = frozenset(cell for cell in map(str.strip, pd.unique(values.to_numpy(str).ravel())) if cell)
    return SampleHint(table.iloc[:, 0].tolist(), tuple(map(str, values.columns)), cells)
