"""Label files: the columns of ids, labels and groups, and their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from kit.errors import SourceError, first_three, option
from kit.sources.exclude import excluded_folders
from kit.sources.image_files import FilesById, list_images
from kit.sources.image_table import join, line_of, read_table, separator_hint, unnamed
from kit.sources.record import Record, Reject
from kit.specs.source import SourceSpec

_PAIR = 2  # columns: an id and a label
_HEAD = 100  # rows searched for an id with an image: the first images may be missing, but hardly a hundred
_SHOWN = 8  # columns in a message


def read_labelled(spec: SourceSpec) -> tuple[list[Record], list[Reject]]:
    """Join the images of a folder with the ids of a label file.

    Returns:
        A record for each id with a file, sorted by key; a reject for each id without a file, each image without an
        id, and each file that is not an image.

    Raises:
        SourceError: A column is missing, an id has two labels, an id or a label is empty, or no id has a file.
    """
    folder, path = Path(spec.folder), Path(spec.labels or "")
    listing = list_images(folder, excluded_folders(spec))
    finder = FilesById(listing.images)
    table = _named_columns(path, read_table(path), finder)
    id_column = _id_column(path, table, spec, finder)
    labels, label_columns = _labels(path, table, spec, id_column)
    pairs = pd.DataFrame({"id": table[id_column].map(_text), "label": labels})
    if spec.group in table.columns:
        pairs["group"] = table[spec.group].map(_text)
    pairs = pairs.drop_duplicates()
    _refuse_blank(path, pairs, {"id": id_column, "label": ", ".join(label_columns)})
    _refuse_contradictions(path, pairs)
    records, missing = join(folder, finder, path, pairs)
    if not records:
        named = [name for name in table.columns if any(finder.find(_text(value)) for value in table[name].head(_HEAD))]
        column = option("id_column", named[0], typed=f"'{named[0]}'") if named else option("id_column")
        hint = f"{column}, which does" if named else f"the folder of its images, or another {column}"
        ids = [text for text in map(_text, table[id_column]) if text]
        raise SourceError(
            f"no id in {path} names an image in {folder}; ids there, in column {id_column}:"
            f" {first_three(ids, len(ids)) if ids else 'none, only a header'}; images there:"
            f" {first_three((file.name for file in listing.images), len(listing.images))}; give {hint}; columns:"
            f" {', '.join(_quoted(table.columns))}"
        )
    rejects = [*missing, *unnamed(listing.images, records, path)]
    return sorted(records, key=lambda record: record.key), _once(rejects, listing.others, folder)


def _quoted(columns: Iterable[object]) -> list[str]:
    """Shorten a list of column names for a message."""
    names = [str(name) for name in columns]
    return names if len(names) <= _SHOWN else [*names[:_SHOWN], f"… ({len(names)})"]


def _once(rejects: Sequence[Reject], others: Sequence[Reject], folder: Path) -> list[Reject]:
    """Merge the two rejects of a file that has an id but is not an image, keeping the more specific reason."""
    by_path = {other.name: other for other in others}
    named = [by_path.pop(str(folder / reject.name), None) for reject in rejects]
    return [
        *(replace(other, is_bad=True) if other else reject for reject, other in zip(rejects, named, strict=True)),
        *by_path.values(),
    ]


def _named_columns(path: Path, table: pd.DataFrame, finder: FilesById) -> pd.DataFrame:
    """Number the columns of a file without a header, in which the first line already names an image."""
    first = [str(name) for name in table.columns]
    if path.suffix.lower() == ".parquet" or not any(finder.find(name) for name in first):
        return table
    return read_table(path, has_header=False)


def _id_column(path: Path, table: pd.DataFrame, spec: SourceSpec, finder: FilesById) -> str:
    if spec.id_column is not None or "id" in table.columns:
        return _known(path, table, spec.id_column or "id")
    head = table.head(_HEAD)
    for name in table.columns:
        if any(finder.find(_text(value)) for value in head[name]):
            return str(name)
    if len(table) and len(table.columns) >= _PAIR:
        first = ", ".join(_quoted(table.iloc[0]))
        raise SourceError(
            f"{path} has no column 'id'; it has {', '.join(_quoted(table.columns))}, and none that names an image: its"
            f" first row is {first}, the first image {finder.first}; give the folder of its images, or"
            f" {option('id_column')}"
        )
    return _known(path, table, "id")


def _known(path: Path, table: pd.DataFrame, column: str) -> str:
    if column not in table.columns:
        choose = f"choose with {option('id_column')} and {option('label_column')}"
        raise SourceError(
            f"{path} has no column '{column}'; it has {', '.join(_quoted(table.columns))}"
            f" ({separator_hint(table) or choose})"
        )
    return column


def _labels(path: Path, table: pd.DataFrame, spec: SourceSpec, id_column: str) -> tuple[pd.Series[str], list[str]]:
    """Find the labels: one column, or a one-hot column for each class."""
    others = [str(name) for name in table.columns if name not in {id_column, spec.group}]
    if spec.label_column is not None:
        chosen = [_known(path, table, name.strip()) for name in spec.label_column.split(",")]
    elif "label" in others:
        chosen = ["label"]
    else:
        chosen = others
    if len(chosen) == 1:
        return table[chosen[0]].map(_text), chosen
    if len(chosen) >= _PAIR and (labels := _one_hot(table[chosen])) is not None:
        return labels, chosen
    _refuse_tag_columns(path, table[chosen])
    if spec.label_column is not None:
        raise SourceError(f"{path}: columns {', '.join(chosen)} are not one-hot: one 1 and otherwise 0 in each row")
    choose = f"choose with {option('label_column')}"
    raise SourceError(
        f"{path} has no column 'label'; it has {', '.join(_quoted(table.columns))} ({separator_hint(table) or choose})"
    )


def _one_hot(columns: pd.DataFrame) -> pd.Series[str] | None:
    """Decode one-hot columns into the name of each row's column; None if they are not one-hot."""
    numbers = columns.apply(pd.to_numeric, errors="coerce")
    if not len(numbers) or not numbers.isin([0, 1]).all(axis=None) or not (numbers.sum(axis=1) == 1).all():
        return None
    if empty := [str(name) for name in numbers.columns if not numbers[name].any()]:
        filled = ",".join(str(name) for name in numbers.columns if numbers[name].any())
        raise SourceError(
            f"one-hot column {first_three(empty, len(empty))} marks no image; leave it out with"
            f" {option('label_column', filled)}"
        )
    return pd.Series(numbers.idxmax(axis=1), dtype=str)


def _refuse_tag_columns(path: Path, columns: pd.DataFrame) -> None:
    """Refuse columns of 0 and 1 with several 1 in a row: tags."""
    numbers = columns.apply(pd.to_numeric, errors="coerce")
    tags = [str(name) for name in columns if numbers[name].isin([0, 1]).all()]
    marks = numbers[tags].sum(axis=1)
    if several := int((marks > 1).sum()):
        raise SourceError(
            f"{path}: columns {', '.join(_quoted(tags))} are not one-hot: one 1 and otherwise 0 in each row, but"
            f" several 1 for {several:,} of {len(columns):,} images and none for {int((marks == 0).sum()):,}, so these"
            f" are tags; kit trains one class an image: give {option('label_column')} one of them"
        )


def _text(value: Any) -> str:
    """Write a value as text: Parquet's 1.0 in a column of whole numbers becomes 1, a missing value is empty."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 (NaN)
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _refuse_blank(path: Path, pairs: pd.DataFrame, columns: dict[str, str]) -> None:
    for name, column in columns.items():
        blank = pairs.index[pairs[name] == ""]
        if len(blank):
            lines = first_three((f"line {line_of(row)}" for row in blank), len(blank))
            raise SourceError(f"{path} has an empty '{column}': {lines}")


def _refuse_contradictions(path: Path, pairs: pd.DataFrame) -> None:
    again = pairs[pairs["id"].duplicated(keep=False)]
    cases: dict[str, list[str]] = {}
    for row, identifier, label in zip(again.index, again["id"], again["label"], strict=True):
        cases.setdefault(identifier, []).append(f"{label} in line {line_of(row)}")
    if cases:
        named = (f"{identifier} is {' and '.join(told)}" for identifier, told in cases.items())
        column = "labels" if pairs.groupby("id")["label"].nunique().max() > 1 else "groups"
        raise SourceError(f"{path} gives two {column} to the same id: {first_three(named, len(cases))}; keep one each")


def column_names(path: Path) -> Sequence[str]:
    """Return the names of a label file's columns."""
    return [str(name) for name in read_table(path).columns]
