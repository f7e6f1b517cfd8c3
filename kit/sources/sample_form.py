"""What a sample submission asks for: its columns, what stands in their cells, and whether names are rows of their own.

Pure: a table of texts and a target make a form, which says how cells are written and checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from kit.errors import SourceError, SubmissionError, first_three
from kit.metrics.score import Judges
from kit.sources.image_table import line_of, separator_hint
from kit.sources.long_form import is_long, refuse_incomplete, split_id
from kit.targets import Target
from kit.targets.top_classes import KEPT, MOST

_TWO = 2  # columns of an id and a value


class SampleForm(msgspec.Struct, frozen=True, kw_only=True):
    """Form of a sample submission.

    Attributes:
        id_column: Name of the column of ids, the first.
        columns: Names of the value columns in the file's order: one, or one for each name of the target.
        holds: Contents of the cells, in the words of `Metric.judges`; None where the sample leaves it open, as 0 for
            classes 0 and 1 does, so that the metric decides.
        separator: Sign between the tags or guesses of one cell.
        guesses: Number of names in each cell, the likeliest first; 0 where cells are no ranks.
        is_long: Whether ids read <image>_<name>, with a row for each name of the target.
    """

    id_column: str
    columns: tuple[str, ...]
    holds: Judges | None = None
    separator: str = " "
    guesses: int = 0
    is_long: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether each name of the target has a column."""
        return len(self.columns) > 1

    @property
    def has_each(self) -> bool:
        """Whether each name of the target has a column, or a row, of its own."""
        return self.is_wide or self.is_long

    def images(self, ids: Sequence[str], target: Target) -> list[str]:
        """List the images that rows are about, each once, in the order of their first rows."""
        if not self.is_long:
            return list(ids)
        names = set(target.names)
        return list(dict.fromkeys(split_id(one, names)[0] for one in ids))


def sample_form(
    path: Path, table: pd.DataFrame, target: Target, is_image: Callable[[str], bool] = lambda _: False
) -> SampleForm:
    """Find the form of a sample submission.

    Args:
        path: CSV, for messages.
        table: Texts; ids in the first column, values in the others.
        target: Target whose predictions are to fill the cells.
        is_image: Function that tells whether a text is the id of an image: such ids are not in long form.

    Raises:
        SourceError: No value column.
        SubmissionError: Columns or cells that predictions of the target cannot fill, with the first such cell; or rows
            of names among which one is missing.
    """
    columns = tuple(map(str, table.columns))
    if len(columns) < _TWO:
        hint = separator_hint(table)
        more = f" ({hint})" if hint else ""
        raise SourceError(f"{path} needs an id column and a value column; it has {', '.join(columns)}{more}")
    rows_are_names = len(columns) == _TWO and is_long(table.iloc[:, 0].tolist(), target, is_image)
    if not rows_are_names:
        check_columns(path, columns[1:], target)
    cells = table.iloc[:, 1:].apply(lambda column: column.str.strip())
    different = [cell for cell in pd.unique(cells.to_numpy(str).ravel()) if cell]
    held = (target.hold_each if rows_are_names or len(columns) > _TWO else target.hold_all)(different)
    if held.strangers:
        if len(columns) == _TWO:
            refuse_incomplete(path, table.iloc[:, 0].tolist(), target, is_image)
        raise _refusal(path, cells, held.strangers, target)
    if held.guesses > len(target.names):
        raise _too_many(path, cells.iloc[:, 0], held.guesses, target)
    return SampleForm(
        id_column=columns[0],
        columns=columns[1:],
        holds=held.judges,
        separator=held.separator,
        guesses=held.guesses,
        is_long=rows_are_names,
    )


def refuse_unkept(path: Path, form: SampleForm, target: Target) -> None:
    """Refuse a form that needs more than the likeliest of very many classes.

    Raises:
        SubmissionError: It asks for the probability of every class, or for more guesses than are kept.
    """
    if target.keeps_best and (form.holds == "probabilities" or form.guesses > KEPT):
        needed = f"{form.guesses} guesses" if form.guesses else "the probability of every class"
        raise SubmissionError(
            f"{path} asks for {needed} of {len(target.names):,}; above {MOST:,} classes the {KEPT} best of each image"
            " are kept: shard fewer classes, or leave the sample submission out"
        )


def check_columns(path: Path, columns: Sequence[str], target: Target) -> None:
    """Refuse several columns that are not those of the target, and one for several values.

    Beside the columns of all classes or tags there may be some of names that no labelled image has; see `unlearned`.

    Raises:
        SubmissionError: Some are missing, or there are others, with the first of each.
    """
    if unlearned(columns, target):
        return
    missing, extra = [name for name in target.names if name not in columns], _extra(columns, target.names)
    if (len(columns) > 1 or target.needs_each) and (missing or extra):
        odd = [f"missing {first_three(missing, len(missing))}"] if missing else []
        odd += [f"extra {first_three(extra, len(extra))}"] if extra else []
        are = "s are" if len(columns) > 1 else " is"
        raise SubmissionError(
            f"{path}: its {len(columns):,} value column{are} not the {len(target.names):,} {target.kind()} of the"
            f" labels: {', '.join(odd)}; give the competition's own file, or leave it out"
        )


def unlearned(columns: Sequence[str], target: Target) -> list[str]:
    """List the columns of names that no labelled image has, beside more columns of all names of the target.

    Args:
        columns: Names of the value columns.
        target: Target whose predictions are to fill them; a name that it lacks has the probability 0.
    """
    extra = _extra(columns, target.names)
    has_all = target.is_counted and not Counter(target.names) - Counter(columns)
    return extra if has_all and len(extra) < len(target.names) and not {*extra} & {*target.names} else []


def _extra(columns: Sequence[str], names: Sequence[str]) -> list[str]:
    """List columns that are none of the names, and further ones of the same name."""
    return list((Counter(columns) - Counter(names)).elements())


def _refusal(path: Path, cells: pd.DataFrame, strangers: Collection[str], target: Target) -> SubmissionError:
    """Name the first cell that a target cannot fill, and what kit would write."""
    rows, columns = np.nonzero(cells.isin(set(strangers)).to_numpy())
    row, column = int(rows[0]), int(columns[0])
    cell, names = str(cells.iloc[row, column]), list(map(str, cells.columns))
    return SubmissionError(
        f"{path}, line {line_of(row)}: '{cell}' in column {names[column]} is {target.describe_cell(cell)}; kit would"
        f" write {target.describe_written(names)}: leave the sample submission out, or give labels that are its values"
    )


def _too_many(path: Path, cells: pd.Series[str], guesses: int, target: Target) -> SubmissionError:
    """Refuse more guesses than there are names."""
    row = int(np.flatnonzero(cells != "")[0])
    return SubmissionError(
        f"{path}, line {line_of(row)}: '{cells.iloc[row]}' asks for {guesses} guesses per image, and the dataset has"
        f" {target.counted()}; leave the sample submission out"
    )
