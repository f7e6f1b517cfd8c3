"""The ids of a sample submission, in its order, once its columns and cells are ones that predictions can fill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from kit.errors import SourceError, SubmissionError, first_three, option
from kit.sources.classes import loose
from kit.sources.image_table import line_of, read_table, refuse_repeated_columns
from kit.sources.sample_form import refuse_unkept, sample_form
from kit.targets import Target


def read_ids(
    sample_submission: Path,
    target: Target,
    renamed: Mapping[str, str] | None = None,
    is_image: Callable[[str], bool] = lambda _: False,
) -> list[str]:
    """Read the ids of a sample submission's images in order.

    Args:
        sample_submission: CSV of ids and values.
        target: Target of the labels.
        renamed: New names of labels that the label file spells differently.
        is_image: Function that tells whether a text is the id of an image.

    Raises:
        SourceError: The file is no CSV, has no value column, or repeats ids or names of columns.
        SubmissionError: Its columns or cells cannot be filled with predictions of the target.
    """
    table = read_table(sample_submission)
    refuse_repeated_columns(sample_submission)
    if target.is_named:
        _refuse_other_names(sample_submission, table, target, renamed or {})
    form = sample_form(sample_submission, table, target, is_image)
    refuse_unkept(sample_submission, form, target)
    ids = table.iloc[:, 0]
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].unique()
        raise SourceError(f"{sample_submission} repeats ids: {first_three(repeated, len(repeated))}")
    return form.images(ids.tolist(), target)


def _refuse_other_names(path: Path, table: pd.DataFrame, target: Target, renamed: Mapping[str, str]) -> None:
    """Refuse one column of cells that are names under another spelling, which a submission would not have."""
    if len(table.columns) != 2:  # noqa: PLR2004 (an id and a value)
        return
    names, known = {loose(name): name for name in target.names}, set(target.names)
    for row, cell in _first_rows(table.iloc[:, 1]):
        if renamed.get(cell, cell) != cell and cell not in known:
            raise SubmissionError(
                f"{path}, line {line_of(row)}: '{cell}' is the label that {option('classes')} calls '{renamed[cell]}',"
                " which a submission would use instead; leave that renaming out, or the sample submission"
            )
        if cell not in known and (name := names.get(loose(cell))) is not None:
            same = option("classes", {name: cell}, typed=f"'{name}={cell}'")
            raise SubmissionError(
                f"{path}, line {line_of(row)}: '{cell}' is spelled '{name}' by the labels, and a submission would be"
                f" too; give {same}"
            )


def _first_rows(column: pd.Series[str]) -> Sequence[tuple[int, str]]:
    """List each different cell with the first row that holds it."""
    rows: dict[str, int] = {}
    for row, cell in enumerate(column.str.strip()):
        rows.setdefault(cell, row)
    return [(row, cell) for cell, row in rows.items() if cell]
