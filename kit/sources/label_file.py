"""Label files: the columns of ids, labels and groups, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from kit.errors import SourceError, first_three, option
from kit.sources.exclude import excluded_folders
from kit.sources.id_columns import (
    IdColumns,
    cell_text,
    file_columns,
    find_id_columns,
    named_in,
    naming_columns,
    quoted,
)
from kit.sources.image_files import FilesById, list_images
from kit.sources.image_table import join, line_of, read_table, refuse_repeated_columns, unnamed
from kit.sources.label_columns import read_label_columns
from kit.sources.label_origin import LabelOrigin
from kit.sources.long_labels import read_long
from kit.sources.record import ImageFile, Record, Reject
from kit.sources.sample_hint import read_hint
from kit.specs.source import SourceSpec
from kit.targets.cells.text import number_of

_NOTHING = "''"  # empty value of an option, as a shell takes it
_SHOWN = 3  # labels of one id in a message


def read_labelled(spec: SourceSpec) -> tuple[list[Record], list[Reject], LabelOrigin]:
    """Join the images of a folder with the ids of a label file.

    Returns:
        A record for each id that has a file, sorted by key; a reject for each id without one, each image without an
        id, and what is no image; and where the labels come from.

    Raises:
        SourceError: Columns that cannot be found, cells that are no labels, ids with two labels, empty ids or labels,
            or no id with a file.
    """
    folder, path = Path(spec.folder), Path(spec.labels or "")
    listing = list_images(folder, excluded_folders(spec))
    finder = FilesById(listing.images)
    table = _named_columns(path, read_table(path), finder)
    if long := read_long(path, table, spec, finder):
        table, columns, views = long.table, IdColumns(long.id_column, long.id_column), []
    else:
        columns = find_id_columns(path, table, spec, finder)
        views = file_columns(table, {*columns, spec.label_column or ""})
    others = [str(name) for name in table.columns if name not in {*columns, *views, spec.group}]
    hint = read_hint(spec.sample_submission)
    labels = read_label_columns(path, table, others, spec, hint, long=long)
    pairs = pd.DataFrame(
        {"id": table[columns.id].map(cell_text), "path": table[columns.path].map(cell_text), "label": labels.texts}
    )
    if spec.group in table.columns:
        pairs["group"] = table[spec.group].map(cell_text)
    pairs = pairs.drop_duplicates()
    is_blank_none = labels.target == "tags" or spec.no_tag == ""
    _refuse_blank(
        path, pairs, {"id": columns.id, "path": columns.path} | ({} if is_blank_none else {"label": labels.columns[0]})
    )
    _refuse_contradictions(path, pairs)
    records, missing = join(folder, finder, path, pairs)
    if not records:
        raise _none_found(path, table, columns.path, folder, listing.images)
    rejects = [*missing, *unnamed(listing.images, records, path, named_in(table, views, finder))]
    firsts = pairs.drop_duplicates("label")
    origin = LabelOrigin(
        name=path.name,
        columns=labels.columns,
        target=labels.target,
        separator=labels.separator,
        lines=dict(zip(firsts["label"], map(line_of, firsts.index), strict=True)),
        choose=hint.choose,
        notes=(long.note,) if long else (),
    )
    return sorted(records, key=lambda record: record.key), _once(rejects, listing.others, folder), origin


def _none_found(path: Path, table: pd.DataFrame, column: str, folder: Path, images: Sequence[ImageFile]) -> SourceError:
    """Say that no id names an image, and what does."""
    named = list(naming_columns(table, FilesById(images)))
    ids = [text for text in map(cell_text, table[column]) if text]
    if named:
        quoted_name = f"'{named[0]}'"
        as_id = option("id_column", named[0], typed=quoted_name)
        as_path = option("path_column", named[0], typed=quoted_name)
        hint = f"{as_id}, which does, or {as_path} to keep the ids of column {column}"
    else:
        hint = f"the folder of its images, or another {option('id_column')}"
    return SourceError(
        f"no id in {path} names an image in {folder}; ids there, in column {column}:"
        f" {first_three(ids, len(ids)) if ids else 'none, only a header'}; images there:"
        f" {first_three((file.name for file in images), len(images))}; give {hint}; columns:"
        f" {', '.join(quoted(table.columns))}"
    )


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
    if path.suffix.lower() == ".parquet" or not finder.find_any(first):
        refuse_repeated_columns(path)
        return table
    return read_table(path, has_header=False)


def _refuse_blank(path: Path, pairs: pd.DataFrame, columns: dict[str, str]) -> None:
    for name, column in columns.items():
        blank = pairs.index[pairs[name] == ""]
        if len(blank):
            lines = first_three((f"line {line_of(row)}" for row in blank), len(blank))
            are_words = name == "label" and any(number_of(label) is None for label in set(pairs[name]) - {""})
            none = f", or take empty cells for no tag with {option('no_tag', '', typed=_NOTHING)}" if are_words else ""
            raise SourceError(f"{path} has an empty '{column}': {lines}; fill it, or remove the row{none}")


def _refuse_contradictions(path: Path, pairs: pd.DataFrame) -> None:
    again = pairs[pairs["id"].duplicated(keep=False)]
    cases: dict[str, list[str]] = {}
    for row, identifier, label in zip(again.index, again["id"], again["label"], strict=True):
        cases.setdefault(identifier, []).append(f"{label} in line {line_of(row)}")
    if cases:
        named = (f"{identifier} is {' and '.join(_few(told))}" for identifier, told in cases.items())
        differing = pairs.groupby("id")[["label", "path"]].nunique().max() > 1
        what = "labels" if differing["label"] else "files" if differing["path"] else "groups"
        raise SourceError(f"{path} gives two {what} to the same id: {first_three(named, len(cases))}; keep one each")


def _few(told: Sequence[str]) -> Sequence[str]:
    return told if len(told) <= _SHOWN else [*told[:_SHOWN], f"so on ({len(told):,})"]


def column_names(path: Path) -> Sequence[str]:
    """Return the names of a label file's columns."""
    return [str(name) for name in read_table(path).columns]
