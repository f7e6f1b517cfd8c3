"""Label files and sample submissions: CSVs that name images by id."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kit.errors import SourceError, SubmissionError, first_three
from kit.sources.files import FilesById, image_files
from kit.sources.record import ImageFile, Record, Reject

_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar"}


def read_labelled(
    folder: Path, labels: Path, *, id_column: str, label_column: str
) -> tuple[list[Record], list[Reject]]:
    """Join the images below `folder` with the ids of `labels`.

    Returns:
        A record for each id that has a file; a reject for each id without one and each file without an id.

    Raises:
        SourceError: columns that do not exist, ids with two labels, or empty ids or labels.
    """
    table = read_csv(labels)
    for column in (id_column, label_column):
        if column not in table.columns:
            raise SourceError(
                f"{labels} has no column '{column}'; it has {', '.join(map(str, table.columns))}"
                f" ({_separator(table) or 'choose with --id-column and --label-column'})"
            )
    pairs = table[[id_column, label_column]].drop_duplicates()
    _refuse_blank(labels, pairs, id_column, label_column)
    _refuse_two_labels(labels, pairs[id_column], pairs[label_column])
    records, rejects = _join(folder, labels, pairs[id_column].tolist(), pairs[label_column].tolist())
    if not records:
        ids = first_three(pairs[id_column], len(pairs)) if len(pairs) else "none, only a header"
        raise SourceError(
            f"no id in {labels} names an image in {folder}; ids there: {ids}; images there:"
            f" {first_three((Path(reject.name).name for reject in rejects[len(pairs) :]), len(rejects) - len(pairs))}"
        )
    return sorted(records, key=lambda record: record.key), rejects


def read_unlabelled(
    folder: Path, sample_submission: Path | None, classes: Collection[str]
) -> tuple[list[Record], list[Reject]]:
    """Read test images, in the sample submission's order if there is one.

    Raises:
        SourceError: no image, ids that repeat or fit several files, or no CSV.
        SubmissionError: columns that predictions of `classes` could not fill.
    """
    if sample_submission is None:
        files = image_files(folder)
        _refuse_shared_stems(folder, files)
        return [Record(key=file.stem, file=file, split="test") for file in files], []
    table = read_csv(sample_submission)
    if len(table.columns) < 2:  # noqa: PLR2004 (an id and a value)
        raise SourceError(
            f"{sample_submission} needs an id column and a value column; it has {', '.join(map(str, table.columns))}"
            f"{_in_brackets(_separator(table))}"
        )
    check_columns(sample_submission, list(table.columns), classes)
    ids = table.iloc[:, 0]
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].unique()
        raise SourceError(f"{sample_submission} repeats ids: {first_three(repeated, len(repeated))}")
    records, rejects = _join(folder, sample_submission, ids.tolist(), None)
    return records, rejects


def check_columns(sample_submission: Path, columns: Sequence[str], classes: Collection[str]) -> None:
    """Refuse a sample submission that predictions of `classes` could not fill.

    Raises:
        SubmissionError: beside the ids stand neither one column nor one for each class.
    """
    values = columns[1:]
    if len(values) > 1 and set(values) != set(classes):
        raise SubmissionError(
            f"{sample_submission}: columns {', '.join(values)} are neither one value nor the classes"
            f" {', '.join(sorted(classes))}; give the competition's own file, or leave it out"
        )


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV with every value as the text that stands in it.

    Raises:
        SourceError: no such file, or not a CSV.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text; save it again as CSV in UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{path} is not a CSV: {str(error).strip()}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first values for names of rows
        raise SourceError(f"{path} is not a CSV: its rows have more values than its first line has columns")
    return table


def _refuse_blank(labels: Path, pairs: pd.DataFrame, id_column: str, label_column: str) -> None:
    for column in (id_column, label_column):
        blank = pairs.index[pairs[column].str.strip() == ""]
        if len(blank):
            rows = first_three((f"line {_line(row)}" for row in blank), len(blank))
            raise SourceError(f"{labels} has an empty '{column}': {rows}")


def _refuse_two_labels(labels: Path, ids: pd.Series[str], given: pd.Series[str]) -> None:
    again = ids[ids.duplicated(keep=False)]
    cases: dict[str, list[str]] = {}
    for row, identifier, label in zip(again.index, again, given[again.index], strict=True):
        cases.setdefault(identifier, []).append(f"{label} in line {_line(row)}")
    if cases:
        named = (f"{identifier} is {' and '.join(told)}" for identifier, told in cases.items())
        raise SourceError(f"{labels} gives two labels to the same id: {first_three(named, len(cases))}; keep one each")


def _line(row: Any) -> int:
    """Count lines as editors do: from 1, the header's."""
    return int(row) + 2


def _separator(table: pd.DataFrame) -> str:
    """Name what seems to separate the columns of a table that was read as one column."""
    text = str(table.columns[0])
    found = next((name for sign, name in _SEPARATORS.items() if sign in text), "")
    return (
        f"its columns seem to be separated by {found}s; save it with commas"
        if found and len(table.columns) == 1
        else ""
    )


def _in_brackets(hint: str) -> str:
    return f" ({hint})" if hint else ""


def _join(
    folder: Path, table: Path, ids: Sequence[str], labels: Sequence[str] | None
) -> tuple[list[Record], list[Reject]]:
    files = image_files(folder)
    finder = FilesById(files)
    split = "test" if labels is None else None
    records, missing = [], []
    for identifier, label in itertools.zip_longest(ids, labels or []):
        if file := finder.find(identifier):
            records.append(Record(key=identifier, file=file, label=label, split=split))
        else:
            missing.append(Reject(identifier, f"id in {table.name} without an image in {folder}"))
    _refuse_shared_files(table, records)
    used = {record.file.name for record in records}
    unnamed = [
        Reject(str(file.path), f"image without an id in {table.name}") for file in files if file.name not in used
    ]
    return records, missing + unnamed


def _refuse_shared_stems(folder: Path, files: Sequence[ImageFile]) -> None:
    """Two images that differ in their endings only would get the same id."""
    seen: dict[str, str] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file.name)) != file.name:
            raise SourceError(f"{folder}: {other} and {file.name} would both have the id '{file.stem}'; rename one")


def _refuse_shared_files(table: Path, records: Iterable[Record]) -> None:
    """Two ids, one with the ending and one without, must not store one file twice."""
    seen: dict[str, str] = {}
    for record in records:
        if (other := seen.setdefault(record.file.name, record.key)) != record.key:
            raise SourceError(f"{table}: ids '{other}' and '{record.key}' are the same file {record.file.path}")
