"""Tables of image ids, joined with the image files."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from kit.errors import SourceError
from kit.sources.image_files import FilesById
from kit.sources.record import Image, ImageFile, Record, Reject

_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "bar"}


def read_table(path: Path, *, has_header: bool = True) -> pd.DataFrame:
    """Read a CSV (.tsv with tabs) with every value as text, or a Parquet file.

    Without a header the columns are called 1, 2, and so on.

    Raises:
        SourceError: The file is missing, or its content is not of the format of its ending.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path)
        table = _read_csv(path, header=0 if has_header else None)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text; save it again as CSV in UTF-8") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SourceError(f"{path} is not a CSV: {str(error).strip()}") from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first values for names of rows
        raise SourceError(f"{path} is not a CSV: its rows have more values than its first line has columns")
    if not has_header:
        table.columns = pd.Index([str(number + 1) for number in range(len(table.columns))])
        table.index = pd.RangeIndex(-1, len(table) - 1)  # line_of counts a header
    return table


def refuse_repeated_columns(path: Path) -> None:
    """Refuse a CSV with two columns of one name, of which pandas would call the second another.

    Raises:
        SourceError: A name stands twice in the first line.
    """
    if path.suffix.lower() == ".parquet":
        return
    names = [str(name).strip() for name in _read_csv(path, header=None, nrows=1).iloc[0]]
    if repeated := [name for name in dict.fromkeys(names) if name and names.count(name) > 1]:
        raise SourceError(f"{path} has several columns called '{repeated[0]}'; give each a name of its own")


def _read_csv(path: Path, *, header: int | None, nrows: int | None = None) -> pd.DataFrame:
    return pd.read_csv(
        path,
        sep="\t" if path.suffix.lower() == ".tsv" else ",",
        header=header,
        nrows=nrows,
        dtype=str,
        keep_default_na=False,
        encoding="utf-8-sig",
    )


def _read_parquet(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise SourceError(f"cannot read {path}: No such file or directory")
    try:
        table = pd.read_parquet(path)
    except ValueError as error:  # pyarrow's own errors are ValueErrors
        raise SourceError(f"{path} is not a Parquet file: {error}") from error
    table.columns = table.columns.map(str)
    return table.reset_index(drop=isinstance(table.index, pd.RangeIndex))


def separator_hint(table: pd.DataFrame) -> str:
    """Guess the separator of a table that was read as a single column; empty for others."""
    text = str(table.columns[0])
    found = next((name for sign, name in _SEPARATORS.items() if sign in text), "")
    is_one = len(table.columns) == 1
    return f"its columns seem to be separated by {found}s; save it with commas" if found and is_one else ""


def line_of(row: Any) -> int:
    """Return the line number of a row as editors count: the header is line 1."""
    return int(row) + 2


def join(folder: Path, finder: FilesById, path: Path, table: pd.DataFrame) -> tuple[list[Record], list[Reject]]:
    """Find the file of each id.

    Args:
        folder: Folder of the images.
        finder: Files in it.
        path: Table's own file, for messages.
        table: Texts; "id", and "path", "label" and "group" where there are such; without paths ids name files, and
            without labels the images are a test split.

    Returns:
        A record for each id with a file, in the table's order, and a reject for each id without a file.
    """
    ids = table["id"].tolist()
    paths = table["path"].tolist() if "path" in table else ids
    labels = table["label"].tolist() if "label" in table else [None] * len(ids)
    groups = table["group"].tolist() if "group" in table else [""] * len(ids)
    split = None if "label" in table else "test"
    records, missing = [], []
    for identifier, name, label, group in zip(ids, paths, labels, groups, strict=True):
        if file := finder.find(name):
            records.append(Record(key=identifier, file=file, label=label, split=split, group=group))
        else:
            missing.append(Reject(name, _why_missing(name, path, folder)))
    _refuse_shared_files(path, records)
    return records, missing


def unnamed(
    files: Iterable[ImageFile],
    records: Iterable[Record],
    path: Path,
    views: Collection[ImageFile] = (),
    table: Path | None = None,
) -> list[Reject]:
    """Reject the images that no id of the table in `path` names; those of its other columns are left out on purpose."""
    used: set[Image] = {record.file for record in records}
    others = [file for file in files if file not in used]
    return [
        Reject(str(file.path), f"named in another column of {(table or path).name}", is_bad=False)
        if file in views
        else Reject(str(file.path), f"image without an id in {path.name}")
        for file in others
    ]


def _why_missing(identifier: str, path: Path, folder: Path) -> str:
    if ".." in identifier.replace("\\", "/").split("/"):
        return f"id in {path.name} that leads out of {folder}"
    return f"id in {path.name} without an image in {folder}"


def _refuse_shared_files(table: Path, records: Iterable[Record]) -> None:
    """Refuse two ids of one file, such as with and without its ending: it would be stored twice."""
    seen: dict[Image, str] = {}
    for record in records:
        if (other := seen.setdefault(record.file, record.key)) != record.key:
            raise SourceError(f"{table}: ids '{other}' and '{record.key}' are the same file {record.file.path}")
