"""Columns of labels in a table: which they are, and one text of them for each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import SourceError, first_three, option
from kit.sources.doubtful_columns import refuse_doubtful
from kit.sources.id_columns import cell_text, known_column, quoted
from kit.sources.image_table import line_of, separator_hint
from kit.sources.label_kinds import free_separator, kind_of_columns, marked_names, odd_cell
from kit.sources.long_labels import LongLabels
from kit.sources.sample_hint import SampleHint
from kit.specs.source import SourceSpec
from kit.targets.cells.text import number_of

_MARKS = {"true": "1", "false": "0"}  # in columns of a name each; one column of them holds two classes


class RowLabels(NamedTuple):
    """Labels of a table's rows.

    Attributes:
        texts: Label of each row: one cell, the names of the marked columns, or the columns' numbers.
        columns: Names of the columns.
        target: Target that several columns settle; empty for one column.
        separator: Sign between the names of marked columns.
    """

    texts: pd.Series[str]
    columns: tuple[str, ...]
    target: str = ""
    separator: str = " "


def read_label_columns(
    path: Path,
    table: pd.DataFrame,
    others: Iterable[str],
    spec: SourceSpec,
    hint: SampleHint,
    *,
    long: LongLabels | None = None,
) -> RowLabels:
    """Find the columns of labels, and make a text of each row.

    The user names them, or the sample submission, or the rows of a file in long form; else it is the column "label",
    the only column besides ids, or all of them where they are columns of 0 and 1, or of numbers among which none is of
    0 and 1.

    Args:
        path: File, for messages.
        table: Table of a label file.
        others: Columns that are neither ids, nor file names, nor groups.
        spec: Source as the user named it.
        hint: Sample submission.
        long: Table in long form that `table` was made of; None where each image has one row.

    Raises:
        SourceError: No such columns, a cell that labels in several columns cannot hold, or columns of which some may
            be no labels.
    """
    rest = list(others)
    named = _named(path, table, rest, spec, hint) if long is None else hint.label_columns(table[rest]) or rest
    chosen = named or rest
    if len(chosen) == 1 and not _is_one_tag(table[chosen[0]], spec):
        return RowLabels(table[chosen[0]].map(cell_text), (chosen[0],))
    found = _several(path, table[chosen], spec, are_named=bool(named), long=long) if chosen else None
    if found is None:
        choose = f"choose with {option('label_column')}"
        raise SourceError(
            f"{path} has no column 'label'; it has {', '.join(quoted(table.columns))}"
            f" ({separator_hint(table) or choose})"
        )
    return found


def _named(path: Path, table: pd.DataFrame, rest: Sequence[str], spec: SourceSpec, hint: SampleHint) -> list[str]:
    """List the label columns that somebody has named, or the column "label"."""
    if spec.label_column is None:
        return hint.label_columns(table[list(rest)]) or (["label"] if "label" in rest else [])
    asked = [spec.label_column] if spec.label_column in table.columns else spec.label_column.split(",")
    found = [known_column(path, table, name if name in table.columns else name.strip()) for name in asked]
    if repeated := [name for name in dict.fromkeys(found) if found.count(name) > 1]:
        raise SourceError(f"{option('label_column', spec.label_column)} names the column '{repeated[0]}' twice")
    return found


def _is_one_tag(cells: pd.Series[str], spec: SourceSpec) -> bool:
    """Whether a column marks one tag: 0 and 1 where tags are asked for, and nothing joins them."""
    is_asked = spec.target == "tags" and spec.separator is None and spec.no_tag is None
    return is_asked and set(cells.map(_mark)) <= {"0", "1"}


def _mark(value: Any) -> str:
    """Write a cell as a person would, and what Python and R write for true and false as 1 and 0."""
    text = cell_text(value)
    return _MARKS.get(text.lower(), text)


def _several(
    path: Path, cells: pd.DataFrame, spec: SourceSpec, *, are_named: bool, long: LongLabels | None
) -> RowLabels | None:
    """Read several columns of labels, or one that marks a tag; None where the user has to choose."""
    numbers = np.asarray(cells.map(_mark).apply(pd.to_numeric, errors="coerce"), np.float64)
    found = kind_of_columns(numbers)
    if not are_named and (not found or (found == "values" and np.isin(numbers, (0, 1)).all(axis=0).any())):
        return None
    if not are_named and found == "values":
        refuse_doubtful(path, [str(name) for name in cells.columns], numbers, has_groups=spec.group is not None)
    target = {"grades": "classes", None: found}.get(spec.wanted_target, spec.wanted_target or "")
    if (odd := odd_cell(numbers, target)) is not None:
        raise _odd(path, cells, odd, target, long)
    columns = tuple(str(name).strip() if target == "tags" else str(name) for name in cells.columns)
    if target == "values":
        texts = [" ".join(row) for row in cells.map(_mark).itertuples(index=False)]
        return RowLabels(pd.Series(texts, cells.index, dtype=str), columns, target)
    separator = free_separator(columns)
    if target == "classes":
        _refuse_no_classes(path, cells, numbers)
    texts = marked_names(numbers, columns, separator)
    return RowLabels(pd.Series(texts, cells.index, dtype=str), columns, target, separator)


def _odd(path: Path, cells: pd.DataFrame, where: tuple[int, int], target: str, long: LongLabels | None) -> SourceError:
    """Name the first cell that is neither a mark nor a number."""
    row, column = where
    at = cells.index[row] if long is None else long.rows[row, long.names.index(str(cells.columns[column]))]
    text, line = cell_text(cells.iloc[row, column]), line_of(at)
    is_number = number_of(text) is not None
    if target == "values":
        what = "not a number"
    elif target:
        what = "not 0 or 1, as in a column for each name"
    else:
        what = "neither 0 nor 1, as nearly all other cells are" if is_number else "not 0, 1 or a number"
    more = f", or take all columns as numbers with {option('target', 'values')}" if not target and is_number else ""
    named = f"'{text}'" if text else "an empty cell"
    return SourceError(
        f"{path}, line {line}: {named} in column {cells.columns[column]} is {what}; correct it, or choose other"
        f" columns with {option('label_column')}{more}"
    )


def _refuse_no_classes(path: Path, cells: pd.DataFrame, marks: NDArray[np.float64]) -> None:
    """Refuse columns that do not mark one class in each row, and columns that mark none."""
    sums = marks.sum(axis=1)
    if (sums != 1).any():
        row = int(np.flatnonzero(sums != 1)[0])
        raise SourceError(
            f"{path}, line {line_of(cells.index[row])}: columns {', '.join(quoted(cells.columns))} are not one-hot: one"
            f" 1 and otherwise 0 in each row, but several 1 for {int((sums > 1).sum()):,} of {len(cells):,} images and"
            f" none for {int((sums == 0).sum()):,}; they are tags: {option('target', 'tags')}"
        )
    names = [str(name) for name in cells.columns]
    if empty := [name for name, count in zip(names, marks.sum(axis=0).tolist(), strict=True) if not count]:
        filled = ",".join(name for name in names if name not in empty)
        raise SourceError(
            f"one-hot column {first_three(empty, len(empty))} marks no image; leave it out with"
            f" {option('label_column', filled)}"
        )
