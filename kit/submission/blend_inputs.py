"""Inputs of a blend: CSVs of predictions with the same ids and columns, and numbers as values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kit.errors import SubmissionError, first_three, option
from kit.sources.image_table import line_of, read_table


def read_alike(paths: Sequence[Path]) -> list[pd.DataFrame]:
    """Read CSVs of the same ids and columns, with rows in the order of the first one's ids.

    Returns:
        Tables of float64 indexed by id; the index has the name of the first column.

    Raises:
        SourceError: No such file, or not a CSV.
        SubmissionError: Ids or columns that differ from the first one's, or values that are not numbers.
    """
    tables = [_read(path) for path in paths]
    for path, table in zip(paths[1:], tables[1:], strict=True):
        if _columns(table) != _columns(tables[0]):
            raise SubmissionError(f"{path} has the columns {_columns(table)}, {paths[0]} has {_columns(tables[0])}")
        if others := sorted(set(table.index) ^ set(tables[0].index)):
            named = first_three(others, len(others))
            raise SubmissionError(f"{path} and {paths[0]} do not have the same ids: only one of them has {named}")
    return [table.loc[tables[0].index] for table in tables]


def _columns(table: pd.DataFrame) -> str:
    return ", ".join([str(table.index.name), *table.columns])


def _read(path: Path) -> pd.DataFrame:
    texts = read_table(path)
    identifier, *names = texts.columns
    if not names or not len(texts):
        raise SubmissionError(f"{path} needs a column of ids, one of values or more, and rows")
    repeated = texts[identifier][texts[identifier].duplicated()].unique()
    if len(repeated):
        raise SubmissionError(f"{path} repeats ids: {first_three(map(str, repeated), len(repeated))}")
    values = texts[names].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    bad = np.argwhere(~np.isfinite(values.to_numpy()))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        written = texts[names[column]].iloc[row]
        raise SubmissionError(
            f"{path}, line {line_of(row)}: '{written}' in column {names[column]} is not a number;"
            f" a blend takes probabilities, as kit predict writes them without {option('threshold')}"
        )
    indexed: pd.DataFrame = values.set_index(pd.Index(texts[identifier], name=identifier))
    return indexed
