"""Columns of a table that name images: ids, and file names where those are others."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from kit.errors import SourceError, option
from kit.sources.image_files import IMAGE_SUFFIXES, FilesById
from kit.sources.image_table import separator_hint
from kit.sources.record import ImageFile
from kit.specs.source import SourceSpec

HEAD = 100  # rows searched for an id with an image: the first images may be missing, but hardly a hundred

_PAIR = 2  # columns: an id and a label
_SHOWN = 8  # columns in a message


class IdColumns(NamedTuple):
    """Columns that name the images of rows.

    Attributes:
        id: Column of ids.
        path: Column of file names; the ids where there is no other.
    """

    id: str
    path: str


def find_id_columns(path: Path, table: pd.DataFrame, spec: SourceSpec, finder: FilesById) -> IdColumns:
    """Find the ids of a table: as named, the column "id", or the first column that names an image.

    Raises:
        SourceError: A named column is missing, or no column names an image.
    """
    if spec.path_column is not None:
        paths = known_column(path, table, spec.path_column)
        ids = spec.id_column or ("id" if "id" in table.columns else paths)
        return IdColumns(known_column(path, table, ids), paths)
    if spec.id_column is not None or "id" in table.columns:
        ids = known_column(path, table, spec.id_column or "id")
        return IdColumns(ids, ids)
    for name in naming_columns(table, finder):
        return IdColumns(name, name)
    if len(table) and len(table.columns) >= _PAIR:
        first = ", ".join(quoted(table.iloc[0]))
        raise SourceError(
            f"{path} has no column 'id'; it has {', '.join(quoted(table.columns))}, and none that names an image: its"
            f" first row is {first}, the first image {finder.first}; give the folder of its images, or"
            f" {option('id_column')}"
        )
    ids = known_column(path, table, "id")
    return IdColumns(ids, ids)


def naming_columns(table: pd.DataFrame, finder: FilesById) -> Iterable[str]:
    """Yield the columns whose first rows name an image."""
    for name in table.columns:
        if any(finder.find(cell_text(value)) for value in table[name].head(HEAD)):
            yield str(name)


def file_columns(table: pd.DataFrame, used: Collection[str]) -> list[str]:
    """List other columns that hold names of image files, such as other views of the same case."""
    others = (str(name) for name in table.columns if name not in used)
    return [name for name in others if _are_file_names(table[name].head(HEAD))]


def named_in(table: pd.DataFrame, columns: Iterable[str], finder: FilesById) -> set[ImageFile]:
    """Find the files that cells of some columns name."""
    found = (finder.find(cell_text(value)) for name in columns for value in table[name])
    return {file for file in found if file is not None}


def known_column(path: Path, table: pd.DataFrame, column: str) -> str:
    """Refuse a column that a table lacks.

    Raises:
        SourceError: With the columns that there are.
    """
    if column not in table.columns:
        choose = f"choose with {option('id_column')} and {option('label_column')}"
        raise SourceError(
            f"{path} has no column '{column}'; it has {', '.join(quoted(table.columns))}"
            f" ({separator_hint(table) or choose})"
        )
    return column


def quoted(columns: Iterable[object]) -> list[str]:
    """Write names of columns, but not hundreds of them."""
    names = [str(name) for name in columns]
    return names if len(names) <= _SHOWN else [*names[:_SHOWN], f"… ({len(names)})"]


def cell_text(value: Any) -> str:
    """Write a value as a person would: Parquet's 1.0 in a column of whole numbers is 1; nothing is empty."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _are_file_names(cells: pd.Series[Any]) -> bool:
    endings = {Path(cell_text(value)).suffix.lower() for value in cells}
    return bool(endings) and endings <= IMAGE_SUFFIXES
