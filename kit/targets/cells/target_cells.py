"""What every kind of target answers about cells; the defaults suit one name per image."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kit.metrics.score import Judges
from kit.targets.cells.held import Held, PlainForm
from kit.targets.cells.odd import OddCells, odd_names
from kit.targets.cells.spelling import Spelling
from kit.targets.cells.text import is_probability, number_of
from kit.targets.label import Truth
from kit.targets.labels import Labels

_NAMED = 12  # names in a message

Range = tuple[float | NDArray[np.float64], float | NDArray[np.float64]]


class TargetCells(Labels):
    """Cells of a target."""

    __slots__ = ()

    default_metric: ClassVar[str]
    """Metric of a dataset that names none."""

    # Samples

    @property
    def needs_each(self) -> bool:
        """Whether one column cannot hold a prediction, so that each name needs a column, or a row, of its own."""
        return False

    def hold_each(self, cells: Sequence[str]) -> Held:
        """Find the contents of cells of which each belongs to one name.

        Args:
            cells: Different texts of a sample, none of them empty.
        """
        return Held("probabilities", strangers=tuple(cell for cell in cells if not is_probability(cell)))

    def hold_all(self, cells: Sequence[str]) -> Held:
        """Find the contents of cells that hold everything about an image; see `hold_each`.

        Empty cells, and one number from 0 to 1 for all images, are placeholders.
        """
        raise NotImplementedError

    def spell(self, cells: Sequence[str], column: str) -> Mapping[str, str]:
        """Spell names as a sample does that has one value column.

        Args:
            cells: Different texts of the column.
            column: Name of the column.

        Returns:
            Texts of the names that are spelled differently.
        """
        del cells, column
        return {}

    def settle(self, judges: Judges | None, *, is_each: bool) -> Judges:
        """Choose the contents of cells that a sample leaves open.

        Args:
            judges: Kind of prediction that the dataset's metric judges; None for its target's default.
            is_each: Whether each cell belongs to one name.
        """
        del is_each
        return "decisions" if judges == "decisions" else "probabilities"

    def plain(self, judges: Judges | None, *, is_decided: bool = False) -> PlainForm:
        """Choose the form of a file without a sample.

        Args:
            judges: Kind of prediction that the dataset's metric judges; None for its target's default.
            is_decided: Whether cells are to hold decisions.
        """
        holds = "decisions" if is_decided else judges or "decisions"
        return PlainForm(holds, is_each=holds == "probabilities")

    # Messages

    def describe_cell(self, cell: str) -> str:
        """Describe a cell that predictions cannot fill."""
        if number_of(cell) is not None:
            return f"a number, and neither a {self.noun} nor a probability"
        parts = cell.replace("|", " ").replace(";", " ").replace(",", " ").split()
        unknown = [part for part in parts if part not in self.names]
        is_list = len(parts) > 1 and len(unknown) < len(parts)
        return self._describe_list(parts, unknown) if is_list else f"none of the {self.kind()}"

    def _describe_list(self, parts: Sequence[str], unknown: Sequence[str]) -> str:
        del unknown
        return f"a list of {len(parts)} {self.kind()}"

    def describe_written(self, columns: Sequence[str]) -> str:
        """Describe what kit writes into the value columns of a sample."""
        return f"a probability of each {self.noun}" if len(columns) > 1 else self._describe_one(columns[0])

    def _describe_one(self, column: str) -> str:
        del column
        return f"the likeliest of {self._listed()}"

    def _listed(self) -> str:
        more = f", … ({self.counted()})" if len(self.names) > _NAMED else ""
        return f"{', '.join(self._ordered()[:_NAMED])}{more}"

    def _ordered(self) -> Sequence[str]:
        """Order names as a dataset does: numbers by what they are."""
        return sorted(self.names, key=lambda name: (int(name) if name.isdecimal() else -1, name))

    # Predictions

    @property
    def is_pair(self) -> bool:
        """Whether there are two classes, of which one probability says all."""
        return False

    def told(self, column: str) -> int:
        """Index the name whose probability one column tells."""
        del column
        return len(self.names) - 1

    def positive(self, columns: Sequence[str]) -> str:
        """Name the one of two classes that a file's only column is about; empty for other targets and files."""
        del columns
        return ""

    @property
    def word_for_none(self) -> str:
        """Word that stands where an image has none of the names; empty for an empty cell."""
        return ""

    def cell_texts(self, decisions: Truth, spelling: Spelling) -> list[str]:
        """Write decisions about n images into one cell each."""
        return [spelling.write(self.text(one) or "") for one in decisions]

    def read_cells(self, cells: Sequence[str], spelling: Spelling) -> Truth:
        """Read decisions back, as `encode` gives labels.

        Raises:
            ValueError: A cell holds none.
        """
        return self.encode([spelling.read(cell) for cell in cells])

    def cell_numbers(self, numbers: NDArray[np.float64]) -> NDArray[Any]:
        """Put numbers on the scale of the labels, such as expected grades on that of the grades' names."""
        return numbers

    # Checks

    def odd_cells(self, cells: Sequence[str], spelling: Spelling, sampled: Collection[str]) -> Iterator[OddCells]:
        """Find cells that no decision would be.

        Args:
            cells: Cells of n images.
            spelling: Spelling of the names.
            sampled: Cells of the sample, none of them empty: they may hold names of no labelled image.
        """
        return odd_names(cells, self.names, spelling, sampled, self.kind())

    def number_range(self, columns: Sequence[str]) -> Range | None:
        """Find the range of the training images' numbers.

        Args:
            columns: Names of the columns, in the file's order.

        Returns:
            Lowest and highest number, of each column or of all; None where labels have no numbers.
        """
        del columns
        return None

    def metric_of(self, holds: str) -> str:
        """Name the metric that scores cells with such contents where the dataset names none."""
        del holds
        return self.default_metric
