"""Suggests the `kit shard` command for a folder of competition data."""

from __future__ import annotations

import contextlib
import csv
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from kit.competitions import competition_names, fill, read_competition
from kit.errors import SpecError
from kit.kaggle.find_sample import SAMPLE_NAME
from kit.kaggle.http_errors import Resource
from kit.kaggle.member_names import walk
from kit.sources.image_files import IMAGE_SUFFIXES
from kit.specs.source import SPLIT_FOLDERS

_LOOKED_AT = 50  # ids of a table to check for names of images
_TABLES = {".csv", ".tsv"}


@dataclass(frozen=True, slots=True)
class _Layout:
    images: dict[Path, set[str]]  # stems of the images directly in each folder
    tables: list[Path]


def next_step(folder: Path, about: Resource) -> tuple[str | None, tuple[str, ...]]:
    """Suggest the `kit shard` command for fetched files, by what is known of their competition, or by looking at them.

    Returns:
        The command, and remarks; None for a competition that kit cannot serve, which is remarked, and without images.
    """
    if about.is_dataset or about.name not in competition_names():
        return shard_command(folder, about.slug), ()
    if refused := read_competition(about.name).refused:
        return None, (f"kit cannot serve {about.name}: {refused}",)
    try:
        fill(about.name, folder, {})
    except SpecError:  # some files only, or packed ones
        return shard_command(folder, about.slug), ()
    return shlex.join(["kit", "shard", str(folder), "--competition", about.name]), ()


def shard_command(folder: Path, name: str) -> str | None:
    """Build the `kit shard` command for a folder; None without images.

    A table with names of images in its first column is used as labels, and one named like sample_submission.csv as the
    sample submission, which lists the test images. Without labels, folders are classes.
    """
    found = _look(folder)
    if not found.images:
        return None
    sample = next((table for table in found.tables if SAMPLE_NAME.fullmatch(table.name)), None)
    test = _named(sample, found) if sample else None
    labels, train = _labels(found, sample)
    if labels and not test:
        test = _called_test(found, folder)
    if not labels:  # without a sample, kit shard finds a folder named test by itself
        train = Path(os.path.commonpath([parent for parent in found.images if parent != test] or [folder]))
    given = {"--labels": labels, "--test": test, "--sample-submission": sample if test else None}
    words = [word for option, path in given.items() if path for word in (option, str(path))]
    return shlex.join(["kit", "shard", str(train), *words, "--name", name])


def _look(folder: Path) -> _Layout:
    images: dict[Path, set[str]] = {}
    tables = []
    for parent, folders, files in walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            stem, ending = os.path.splitext(name)  # noqa: PTH122 (a Path for each of 300,000 files takes seconds)
            if ending.lower() in IMAGE_SUFFIXES:
                images.setdefault(parent, set()).add(stem)
            elif ending.lower() in _TABLES and name[0] != ".":
                tables.append(parent / name)
    return _Layout(images, tables)


def _labels(found: _Layout, sample: Path | None) -> tuple[Path | None, Path]:
    """Find the table of image names with another column, and the images' folder; "train" and "label" go first."""
    tables = [table for table in found.tables if table != sample and not table.name.lower().startswith("test")]
    tables.sort(key=lambda table: not any(word in table.name.lower() for word in ("train", "label")))
    for table in tables:
        if train := _named(table, found):
            return table, train
    return None, Path()


def _named(table: Path, found: _Layout) -> Path | None:
    """Find the folder of the images named by a table's ids, with or without file endings and folders."""
    ids = {Path(one).stem for one in islice(_ids(table), _LOOKED_AT)}
    hits = {folder: ids & stems for folder, stems in found.images.items()}
    whole = [folder for folder, named in hits.items() if ids and named == ids]
    if whole:
        return whole[0]
    scattered = [folder for folder, named in hits.items() if named]
    if ids and set().union(*hits.values()) == ids:
        return Path(os.path.commonpath(scattered))
    return None


def _ids(table: Path) -> Iterator[str]:
    """Yield the first column of a table with several columns, without its header."""
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.reader(file, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
        with contextlib.suppress(csv.Error):  # a cell of more than 128 KiB: not a list of ids and labels
            header = next(rows, [])
            if len(header) > 1:
                yield from (row[0] for row in rows if row)


def _called_test(found: _Layout, folder: Path) -> Path | None:
    """Find test images by the name of their folder, directly in `folder` and without subfolders."""
    flat = [
        images
        for images in found.images
        if images.parent == folder and SPLIT_FOLDERS.get(images.name.lower()) == "test"
    ]
    return flat[0] if flat else None
