"""Label files in long form: ids read <image>_<name>, with a row for each name of an image."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import SourceError, first_three, option
from kit.sources.id_columns import HEAD, cell_text, known_column, naming_columns, quoted
from kit.sources.image_files import FilesById
from kit.sources.image_table import line_of
from kit.sources.long_form import LONG, split_id
from kit.specs.source import SourceSpec
from kit.targets.cells.text import number_of

_SEVERAL = 2  # names
_MISSING = -1


@dataclass(frozen=True, slots=True)
class LongLabels:
    """A label file in long form, as one row an image.

    Attributes:
        table: Ids, groups if there are some, and a column of texts for each name; indexed by each image's first row.
        id_column: Name of the column of ids.
        names: Names of the other columns.
        rows: Row of each cell in the file, int [images, names].
        note: Remark on how the file was read.
    """

    table: pd.DataFrame
    id_column: str
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    note: str


def read_long(path: Path, table: pd.DataFrame, spec: SourceSpec, finder: FilesById) -> LongLabels | None:
    """Read a table in long form; None where it is in another form.

    It is in long form where no id names an image, but the part before `_name` does, and an image has several rows.

    Args:
        path: File, for messages.
        table: Table of a label file.
        spec: Source as the user named it.
        finder: Images by id.

    Raises:
        SourceError: Images with different sets of names, a name with two values, or a value that is no number.
    """
    found = _ids_and_names(table, spec, finder)
    if found is None:
        return None
    id_column, names = found
    rows = _Rows(path, table, id_column, _value_column(path, table, spec, id_column))
    images, cells, repeated = rows.place(names)
    firsts = cells.min(axis=1)
    texts = np.asarray(rows.texts, object)[cells]
    wide = {id_column: images, **rows.groups(spec.group, cells), **dict(zip(names, texts.T, strict=True))}
    again = f"; rows that repeat others: {repeated:,}" if repeated else ""
    return LongLabels(
        table=pd.DataFrame(wide, index=table.index[firsts]),
        id_column=id_column,
        names=tuple(names),
        rows=np.asarray(table.index)[cells],
        note=f"{path.name}: a row for each of {len(names)} names of an image, as {rows.ids[0]}; images:"
        f" {len(images):,}{again}",
    )


def _ids_and_names(table: pd.DataFrame, spec: SourceSpec, finder: FilesById) -> tuple[str, list[str]] | None:
    """Find the column of ids and the names that they end with; None where ids name images, or nothing does."""
    if spec.path_column is not None or (spec.id_column is not None and spec.id_column not in table.columns):
        return None
    candidates = table if spec.id_column is None else table[[spec.id_column]]
    if any(naming_columns(candidates, finder)):
        return None
    for column in candidates.columns:
        head = map(cell_text, table[column].head(HEAD))
        if image := next((found for cell in head if (found := _image_of(cell, finder))), ""):
            ids = table[column].map(cell_text)
            own = ids[ids.str.startswith(f"{image}{LONG}")].unique()
            names = [one[len(image) + len(LONG) :] for one in own if _image_of(one, finder) == image]
            return (str(column), names) if len(names) >= _SEVERAL else None
    return None


def _image_of(identifier: str, finder: FilesById) -> str:
    """Return the longest beginning of an id, up to a `_`, that names an image; empty where none does."""
    cuts = [index for index, sign in enumerate(identifier) if sign == LONG and index + 1 < len(identifier)]
    return next((identifier[:cut] for cut in reversed(cuts) if cut and finder.find(identifier[:cut])), "")


def _value_column(path: Path, table: pd.DataFrame, spec: SourceSpec, id_column: str) -> str:
    if spec.label_column is not None:
        return known_column(path, table, spec.label_column)
    others = [str(name) for name in table.columns if name not in {id_column, spec.group}]
    labels = [name for name in others if name.lower() == "label"]
    if len(labels or others) == 1:
        return (labels or others)[0]
    raise SourceError(
        f"{path} has a row for each name of an image; say with {option('label_column')} which column holds the values:"
        f" {', '.join(quoted(others))}"
    )


class _Rows:
    """Rows of a table in long form.

    Args:
        path: File, for messages.
        table: Table.
        id_column: Column of ids.
        value_column: Column of values.
    """

    def __init__(self, path: Path, table: pd.DataFrame, id_column: str, value_column: str) -> None:
        self._path, self._table, self._value_column = path, table, value_column
        self.ids: list[str] = table[id_column].map(cell_text).tolist()
        self.texts: list[str] = table[value_column].map(cell_text).tolist()

    def place(self, names: Sequence[str]) -> tuple[list[str], NDArray[np.int64], int]:
        """Find the row of each image and name.

        Returns:
            The images, rows [images, names], and the number of rows that repeat others.

        Raises:
            SourceError: An id ends with no name, a value is no number, a row says otherwise than an earlier one, or an
                image lacks a row.
        """
        self._refuse_texts()
        columns = {name: column for column, name in enumerate(names)}
        found: dict[str, list[int]] = {}
        repeated = 0
        for row, (image, name) in enumerate(split_id(one, columns) for one in self.ids):
            if not name:
                known = first_three(names, len(names))
                raise self._error(row, f"'{image}' ends with none of the names of other rows: {known}; correct it")
            cells = found.setdefault(image, [_MISSING] * len(names))
            first = cells[columns[name]]
            if first == _MISSING:
                cells[columns[name]] = row
                continue
            repeated += 1
            if self.texts[first] != self.texts[row]:
                was = f"{self.texts[first]} in line {self._line(first)}"
                raise self._error(row, f"'{self.ids[row]}' is {self.texts[row]}, and {was}; keep one row")
        for image, cells in found.items():
            if _MISSING in cells:
                raise self._error(max(cells), self._lost(image, names[cells.index(_MISSING)], columns))
        return list(found), np.asarray([*found.values()], np.int64), repeated

    def groups(self, column: str | None, cells: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Take the group of each image, if a column holds groups.

        Raises:
            SourceError: Rows of an image have different ones.
        """
        if column not in self._table.columns:
            return {}
        groups = self._table[column].map(cell_text).to_numpy(object)[cells]
        odd = np.argwhere(groups != groups[:, :1])
        if len(odd):
            image, name = odd[0]
            both = f"'{groups[image, name]}' and '{groups[image, 0]}'"
            raise self._error(int(cells[image, name]), f"groups {both} of the same image; keep one")
        return {str(column): groups[:, 0]}

    def _lost(self, image: str, name: str, names: Collection[str]) -> str:
        other = next(one for one in self.ids if split_id(one, names)[1] == name)
        return f"image {image} has no row for '{name}', as '{other}' is one; add it, or remove the rows of either"

    def _refuse_texts(self) -> None:
        lost = {text for text in set(self.texts) if number_of(text) is None}
        if lost:
            row = next(row for row, text in enumerate(self.texts) if text in lost)
            named = f"'{self.texts[row]}'" if self.texts[row] else "an empty cell"
            raise self._error(row, f"{named} in column {self._value_column} is not a number; correct it")

    def _line(self, row: int) -> int:
        return line_of(self._table.index[row])

    def _error(self, row: int, said: str) -> SourceError:
        return SourceError(f"{self._path}, line {self._line(row)}: {said}")
