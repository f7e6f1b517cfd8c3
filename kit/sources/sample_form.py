"""What a sample submission asks for: its columns, what stands in their cells, and whether names are rows of their own.

Pure: a table of texts and a target make a form, which says how cells are written and checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from kit.errors import SourceError, SubmissionError, first_three
from kit.metrics.score import Judges
from kit.sources.image_table import line_of, separator_hint
from kit.sources.label_kinds import SEPARATORS, is_fraction, number_of, parts_of
from kit.targets import Target
from kit.targets.best import KEPT, MOST
from kit.targets.grades import Grades
from kit.targets.tags import Tags
from kit.targets.values import Values

LONG = "_"  # between an image's id and a name where each has a row

_TWO = 2  # classes for which one probability is enough; columns of an id and a value
_NAMED = 12  # names in a message


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

    def images(self, ids: Sequence[str], target: Target) -> list[str]:
        """List the images that rows are about, each once, in the order of their first rows."""
        if not self.is_long:
            return list(ids)
        names = set(target.names)
        return list(dict.fromkeys(split_id(one, names)[0] for one in ids))


def split_id(identifier: str, names: Collection[str]) -> tuple[str, str]:
    """Split the id of a row in long form into image and name; the name is empty where the id ends with none.

    >>> split_id("ID_12_epidural", ["any", "epidural"]), split_id("7_any", ["any", "of_any"])
    (('ID_12', 'epidural'), ('7', 'any'))
    """
    parts = identifier.split(LONG)
    for place in range(1, len(parts)):  # the longest name first
        image, name = LONG.join(parts[:place]), LONG.join(parts[place:])
        if image and name and name in names:
            return image, name
    return identifier, ""


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
        SubmissionError: Columns or cells that predictions of the target cannot fill, with the first such cell.
    """
    columns = tuple(map(str, table.columns))
    if len(columns) < _TWO:
        hint = separator_hint(table)
        more = f" ({hint})" if hint else ""
        raise SourceError(f"{path} needs an id column and a value column; it has {', '.join(columns)}{more}")
    rows_are_names = len(columns) == _TWO and is_long(table.iloc[:, 0].tolist(), target, is_image)
    if not rows_are_names:
        check_columns(path, columns[1:], target)
    cells = _Cells(path, table.iloc[:, 1:], target)
    is_each = rows_are_names or len(columns) > _TWO
    held = _Held(cells.hold_each()) if is_each else cells.hold_all()
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


def is_long(ids: Sequence[str], target: Target, is_image: Callable[[str], bool]) -> bool:
    """Whether ids are in long form: every image has a row for each name of the target."""
    if len(target.names) < _TWO or not ids or any(map(is_image, ids[:_NAMED])):
        return False
    rows: dict[str, set[str]] = {}
    known = set(target.names)
    for identifier in ids:
        image, name = split_id(identifier, known)
        rows.setdefault(image, set()).add(name)
    return all(names == known for names in rows.values())


def check_columns(path: Path, columns: Sequence[str], target: Target) -> None:
    """Refuse several columns that are not those of the target, and one for several values.

    Beside the columns of all classes or tags there may be some of names that no labelled image has; see `unlearned`.

    Raises:
        SubmissionError: Some are missing, or there are others, with the first of each.
    """
    if unlearned(columns, target):
        return
    is_each = len(columns) > 1 or (isinstance(target, Values) and len(target.names) > 1)
    missing, extra = [name for name in target.names if name not in columns], _extra(columns, target.names)
    if is_each and (missing or extra):
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


class _Held(NamedTuple):
    """What one column of cells holds."""

    judges: Judges | None
    separator: str = " "
    guesses: int = 0


class _Cells:
    """Cells of a sample submission, of which those that a target cannot fill are refused.

    Empty cells, and one number from 0 to 1 for all, are placeholders.
    """

    def __init__(self, path: Path, columns: pd.DataFrame, target: Target) -> None:
        self._path = path
        self._columns = columns.apply(lambda column: column.str.strip())
        self._target = target
        self._cells = [cell for cell in pd.unique(self._columns.to_numpy(str).ravel()) if cell]

    def hold_each(self) -> Judges | None:
        """Tell what cells hold of which each belongs to one name."""
        if isinstance(self._target, Values):
            self._refuse(cell for cell in self._cells if number_of(cell) is None)
            return "numbers"
        self._refuse(cell for cell in self._cells if not is_probability(cell))
        is_open = isinstance(self._target, Tags) and not any(map(is_fraction, self._cells))
        return None if is_open else "probabilities"

    def hold_all(self) -> _Held:
        """Tell what cells hold that say everything of an image."""
        target = self._target
        if isinstance(target, Values):
            return _Held(self.hold_each())
        return self._tags(target) if isinstance(target, Tags) else self._names(target)

    def _tags(self, target: Tags) -> _Held:
        own = () if target.are_columns else (target.separator,)
        known = {*target.names, target.no_tag}
        strangers: dict[str, list[str]] = {}
        for separator in dict.fromkeys((*own, *separators_of(target.names))):
            parts = {cell: {cell} if cell in known else set(parts_of(cell, separator)) for cell in self._cells}
            strangers[separator] = [cell for cell, found in parts.items() if not found <= known]
            if not strangers[separator]:
                return _Held("decisions", separator)
        if len(target.names) == 1 and all(map(is_probability, self._cells)):
            return _Held("probabilities")
        fewest = min(map(len, strangers.values()))
        self._refuse(next(lost for lost in strangers.values() if len(lost) == fewest))
        return _Held("decisions")

    def _names(self, target: Target) -> _Held:
        if (ranks := self._ranks(target)) is not None:
            return ranks
        known = set(target.names)
        strangers = self._strangers(known)
        self._refuse(strangers)
        others = [cell for cell in self._cells if cell not in known]
        if isinstance(target, Grades):
            is_number = any(map(is_fraction, others))
            are_words = any(number_of(name) is None for name in target.names)
            return _Held("numbers" if is_number else "decisions" if are_words else None)
        if len(target.names) > _TWO:
            return _Held("decisions")
        if any(map(is_fraction, others)):
            return _Held("probabilities")
        return _Held("decisions" if self._cells and all(number_of(cell) is None for cell in self._cells) else None)

    def _ranks(self, target: Target) -> _Held | None:
        """Read cells of k names each, of which most are known; a few classes may have no labelled image."""
        known, cells = set(target.names), self._cells
        for separator in separators_of(known):
            parts = [[cell] if cell in known else parts_of(cell, separator) for cell in cells]
            found = {part for names in parts for part in names}
            counts = {len(names) for names in parts}
            if parts and len(counts) == 1 and counts != {1} and 2 * len(found & known) > len(found):
                (guesses,) = counts
                self._refuse_many(guesses)
                return _Held("ranks", separator, guesses)
        return None

    def _refuse_many(self, guesses: int) -> None:
        """Refuse more guesses than there are names."""
        cells = self._columns.iloc[:, 0]
        if guesses > len(self._target.names):
            row = int(np.flatnonzero(cells != "")[0])
            raise SubmissionError(
                f"{self._path}, line {line_of(row)}: '{cells.iloc[row]}' asks for {guesses} guesses an image, and the"
                f" dataset has {self._target.counted()}; leave the sample submission out"
            )

    def _strangers(self, names: Collection[str]) -> list[str]:
        """List the cells that no prediction of one name an image would be."""
        numbers = {number_of(name) for name in names} - {None}
        lost = [cell for cell in self._cells if cell not in names and number_of(cell) not in numbers]
        if isinstance(self._target, Grades):  # between two grades lie expected ones
            lost = [cell for cell in lost if not self._is_between(cell, numbers)]
        if len(names) == _TWO or len(self._cells) == 1:  # a probability, or the same for all
            lost = [cell for cell in lost if not is_probability(cell)]
        are_ids = all(name.isdecimal() for name in (*names, *self._cells)) and not isinstance(self._target, Grades)
        is_known = 2 * len(lost) < len(self._cells) or (are_ids and len(self._cells) == 1)
        return [] if is_known else lost  # a few classes may have no labelled image

    @staticmethod
    def _is_between(cell: str, numbers: Collection[Decimal | None]) -> bool:
        number, known = number_of(cell), [one for one in numbers if one is not None]
        return number is not None and bool(known) and min(known) <= number <= max(known)

    def _refuse(self, strangers: Iterable[str]) -> None:
        lost = set(strangers)
        if lost:
            rows, columns = np.nonzero(self._columns.isin(lost).to_numpy())
            raise self._refusal(int(rows[0]), int(columns[0]))

    def _refusal(self, row: int, column: int = 0) -> SubmissionError:
        cell, is_wide = str(self._columns.iloc[row, column]), len(self._columns.columns) > 1
        return SubmissionError(
            f"{self._path}, line {line_of(row)}: '{cell}' in column {self._columns.columns[column]} is"
            f" {_kind(cell, self._target)}; kit would write {_written(self._target, is_wide=is_wide)}: leave the"
            " sample submission out, or give labels that are its values"
        )


def separators_of(names: Iterable[str]) -> list[str]:
    """List the signs that may stand between names because none holds them, the blank first."""
    held = "".join(names)
    return [sign for sign in (" ", *SEPARATORS[:-1]) if sign not in held] or [SEPARATORS[0]]


def is_probability(cell: str) -> bool:
    """Whether a text is a number from 0 to 1."""
    number = number_of(cell)
    return number is not None and 0 <= number <= 1


def _kind(cell: str, target: Target) -> str:
    if isinstance(target, Values):
        return "no number"
    if number_of(cell) is not None:
        return f"a number, and neither a {target.noun} nor a probability"
    parts = cell.replace("|", " ").replace(";", " ").replace(",", " ").split()
    unknown = [part for part in parts if part not in target.names]
    if len(parts) > 1 and len(unknown) < len(parts):
        if isinstance(target, Tags):
            return (
                f"a list with {unknown[0]}, a tag of no labelled image" if unknown else f"a list of {len(parts)} tags"
            )
        return f"a list of {len(parts)} {target.kind()}"
    return f"none of the {target.kind()}"


def _written(target: Target, *, is_wide: bool) -> str:
    """Describe what kit writes into the value column or columns."""
    if isinstance(target, Values):
        return "a number" if len(target.names) == 1 else f"a number into each of {', '.join(target.names)}"
    if is_wide:
        return f"a probability of each {target.noun}"
    ordered = sorted(target.names, key=_rank) if not isinstance(target, Grades) else list(target.names)
    more = f", … ({len(ordered):,} {target.kind()})" if len(ordered) > _NAMED else ""
    listed = f"{', '.join(ordered[:_NAMED])}{more}"
    if isinstance(target, Tags):
        return f"those of {listed} that an image has, with '{target.separator}' between them"
    if isinstance(target, Grades):
        return f"one of {listed}, or the expected grade"
    if len(ordered) == _TWO:
        return f"the probability of {ordered[1]}, or {ordered[0]} or {ordered[1]}"
    return f"the likeliest of {listed}"


def _rank(name: str) -> tuple[int, str]:
    """Order classes as a dataset does: numbers by what they are."""
    return (int(name), name) if name.isdecimal() else (-1, name)
