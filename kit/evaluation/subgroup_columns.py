"""Subgroup of each image: its class or group, or the value of a column in the label file or in a table of one's own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from kit.datasets import Dataset
from kit.errors import SourceError, SpecError, WorkspaceError, first_three, option, unknown
from kit.files import xxh128_file
from kit.inference.predictions import Predictions
from kit.sources.id_columns import cell_text
from kit.sources.image_table import read_table, refuse_repeated_columns, separator_hint
from kit.specs.source import TABLES
from kit.targets.cells.text import number_of

if TYPE_CHECKING:
    import pandas as pd

NONE = "(none)"  # subgroup of empty cells
BINS = 4  # of numbers, of as many images each
_NAMED = 10  # different numbers that are still names, such as those of sites


class Division(NamedTuple):
    """Images divided into subgroups.

    Attributes:
        names: Subgroup of each image.
        order: Names of the subgroups in order.
    """

    names: list[str]
    order: list[str]


Divide: TypeAlias = Callable[[Predictions, Sequence[str]], Division]
"""Function of predictions and of the group of each image that divides the images."""


def open_subgroups(by: str, dataset: Dataset) -> Divide:
    """Find the column that names each image's subgroup, and read it, before anything is predicted.

    Args:
        by: "class" or "grade", "group", a column of the label file, or `FILE.csv:COLUMN`.
        dataset: Dataset of the images.

    Raises:
        SpecError: There is no such column, or no table of columns.
        SourceError: The table cannot be read.
        WorkspaceError: The label file is gone, or was changed since the dataset was made.
    """
    manifest = dataset.manifest
    if manifest.target.is_partition and by == manifest.target.noun:
        return _by_label
    if by == "group" and manifest.groups:
        return lambda _, groups: divided([group or NONE for group in groups])
    if Path(by.removesuffix(":")).suffix.lower() in TABLES:
        named = option("by", f"{by.removesuffix(':')}:COLUMN")
        raise SpecError(f"{option('by', by)} names a table and no column of it; give {named}")
    file, colon, column = by.rpartition(":")
    if colon and Path(file).suffix.lower() in TABLES:
        return _of_table(Path(file).expanduser(), column, "")
    return _of_table(_label_file(by, dataset), by, manifest.source.spec.id_column or "")


def divided(values: Sequence[str]) -> Division:
    """Divide images by their values; numbers of which there are many different ones, into quarters of the images."""
    numbers = {value: number_of(value) for value in set(values) - {NONE}}
    known = {value: float(number) for value, number in numbers.items() if number is not None}
    are_numbers = len(known) == len(numbers)
    if are_numbers and len(set(known.values())) > _NAMED:
        return _binned(values, known)
    order = sorted(numbers, key=lambda value: (known[value] if are_numbers else 0.0, value))
    return Division(list(values), [*order, *({NONE} & set(values))])


def _by_label(scores: Predictions, _: Sequence[str]) -> Division:
    names = scores.target.names
    found = [names[label] for label in scores.labels]
    there = set(found)
    return Division(found, [name for name in names if name in there])


def _binned(values: Sequence[str], numbers: Mapping[str, float]) -> Division:
    all_numbers = [numbers[value] for value in values if value in numbers]
    inner = np.unique(np.quantile(all_numbers, np.arange(1, BINS) / BINS, method="inverted_cdf")).tolist()
    edges = [edge for edge in inner if edge < max(all_numbers)]
    order = [_bin_name(index, edges) for index in range(len(edges) + 1)]
    found = [order[bisect_left(edges, numbers[value])] if value in numbers else NONE for value in values]
    return Division(found, [*order, *({NONE} & set(found))])


def _bin_name(index: int, edges: Sequence[float]) -> str:
    below = f"above {edges[index - 1]:g}" if index else ""
    above = f"up to {edges[index]:g}" if index < len(edges) else ""
    return f"{below} {above}".strip()


def _label_file(by: str, dataset: Dataset) -> Path:
    """Find the label file of a dataset, which must be the one that it was made of."""
    manifest = dataset.manifest
    known = [manifest.target.noun] * manifest.target.is_partition + ["group"] * bool(manifest.groups)
    own = option("by", f"FILE.csv:{by}")
    if manifest.source.spec.labels is None:
        words = f"takes {' or '.join(known)} here, or" if known else "needs"
        raise SpecError(
            f"{option('by', by)}: dataset {manifest.name} was made without a label file, so {option('by')} {words} a"
            f" table with ids: {own}"
        )
    path = Path(manifest.source.spec.labels)
    candidates = [path, dataset.folder.parent.parent / path]
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is None:
        raise WorkspaceError(f"label file {path} of dataset {manifest.name} is missing; give a copy of it: {own}")
    expected = manifest.source.labels_xxh128
    if isinstance(expected, str) and xxh128_file(found) != expected:
        raise WorkspaceError(
            f"{found} was changed since dataset {manifest.name} was made of it; restore it, or take it as it is:"
            f" {option('by', f'{found}:{by}')}"
        )
    return found


def _of_table(path: Path, column: str, id_column: str) -> Divide:
    table = read_table(path)
    hint = separator_hint(table)
    names = [str(name) for name in table.columns]
    if column in names:
        refuse_repeated_columns(path)
    else:
        table = read_table(path, has_header=False)  # whose columns are called 1, 2, and so on
        if column not in map(str, table.columns):
            raise SpecError(f"{path}: {hint}" if hint else unknown(f"column of {path}", column, names))

    def divide(scores: Predictions, _: Sequence[str]) -> Division:
        cells = _by_id(path, table, column, id_column, scores.keys)
        return divided([cells[key] or NONE for key in scores.keys])

    return divide


def _by_id(path: Path, table: pd.DataFrame, column: str, id_column: str, keys: Sequence[str]) -> dict[str, str]:
    """Look up the cell of each image.

    Raises:
        SourceError: No column names the images, some are missing, or one has two values.
    """
    cells = [cell_text(value) for value in table[column]]
    columns = [id_column] if id_column in table.columns else [str(name) for name in table.columns]
    for written in (str, _stem):
        wanted = [written(key) for key in keys]
        rows = [_rows(table[name], cells, written) for name in columns]
        found = max(rows, key=lambda one: sum(name in one for name in wanted))
        if any(name in found for name in wanted):
            break
    missing = [key for key, name in zip(keys, wanted, strict=True) if name not in found]
    if len(missing) == len(keys):
        raise SourceError(
            f"no column of {path} names the images, such as {first_three(keys, len(keys))}; give it a column of ids"
        )
    if missing:
        raise SourceError(
            f"{path} lacks {len(missing):,} of {len(keys):,} images: {first_three(missing, len(missing))}; add a row"
            " for each"
        )
    if twice := [key for key in keys if len(found[written(key)]) > 1]:
        raise SourceError(
            f"{path} gives image {twice[0]} several values of {column}: {', '.join(sorted(found[written(twice[0])]))};"
            " keep one"
        )
    return {key: next(iter(found[written(key)])) for key in keys}


def _rows(ids: pd.Series[str], cells: Sequence[str], written: Callable[[str], str]) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {}
    for identifier, cell in zip(map(cell_text, ids), cells, strict=True):
        rows.setdefault(written(identifier), set()).add(cell)
    return rows


def _stem(name: str) -> str:
    """Take a path's last part without its ending."""
    return PurePosixPath(name.replace("\\", "/")).stem
