"""A competition's files in the folder that they were fetched to."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.competitions.competition import COLUMNS, FILES, Competition, is_file, read_competition
from kit.errors import SpecError, option, require, worded

_PACKED = (".7z", ".tar.7z", ".zip", ".tar.gz", ".tgz", ".tar", ".gz", ".rar", ".zip.001")
_SHOWN = 8  # columns in a message
_OTHERS = {  # what a given option makes void
    "labels": ("class_from",),
    "class_from": ("labels", *COLUMNS),
    "classes": ("class_names",),
    "class_names": ("classes",),
    "target": ("separator", "no_tag"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A call's source and options, filled by what is known of a competition.

    Attributes:
        source: Folder of the labelled images.
        options: Options of the source by name, those of the call first.
        metric: Metric that the competition scores; None for the target's default.
        name: Name of the competition; empty for none.
    """

    source: Path | str
    options: Mapping[str, Any] = field(default_factory=dict)
    metric: str | None = None
    name: str = ""


def fill(
    competition: Path | str | None, source: Path | str, options: Mapping[str, Any], metric: str | None = None
) -> Filled:
    """Complete the options of a call by what is known of a competition; options that are given win.

    Args:
        competition: Slug, or path of a .toml file; None leaves the call as it is.
        source: Folder of the competition's files.
        options: Options of a source; None stands for an option that is not given.
        metric: Metric that is given.

    Raises:
        SpecError: The competition is unknown or not served, its file is invalid, or the folder lacks a file or the
            label file a column.
    """
    if competition is None:
        return Filled(source=source, options=options, metric=metric)
    found = read_competition(competition)
    name = Path(competition).stem if is_file(competition) else str(competition)
    require(not found.refused, f"kit cannot serve {name}: {found.refused}")
    folder = _Folder(Path(source), found, str(competition))
    given = {key: value for key, value in options.items() if value is not None}
    void = {*given, *_void(given, found)}
    files = {key: folder.find(key) for key in FILES if key not in void and found.names(key)}
    if "labels" in files:
        folder.check_columns(Path(files["labels"]), [column for column in COLUMNS if column not in void])
    settings = {key: value for key, value in found.settings.items() if key not in void}
    return Filled(
        source=folder.find("folder"),
        options={**options, **settings, **files},
        metric=metric if metric is not None else found.metric or None,
        name=name,
    )


def _void(given: Mapping[str, Any], competition: Competition) -> set[str]:
    """List the settings of a competition that contradict what is given."""
    same = {"target"} if given.get("target") == competition.target else set()
    return {other for key in given.keys() - same for other in _OTHERS.get(key, ())}


@dataclass(frozen=True, slots=True)
class _Folder:
    """A fetched folder.

    Attributes:
        path: Path of the folder.
        competition: Competition whose files it holds.
        asked: Competition as it was asked for, for messages.
    """

    path: Path
    competition: Competition
    asked: str

    def find(self, attribute: str) -> Path:
        """Find a file or folder by the names that it may have.

        Raises:
            SpecError: There is none of them.
        """
        require(self.path.is_dir(), f"{self.path} is no folder; give the folder of the files of {self.asked}")
        names = self.competition.names(attribute)
        candidates = [self.path / name for name in names if os.path.exists(self.path / name)]  # noqa: PTH110 (of any length)
        if not candidates:
            raise SpecError(f"{self.path} lacks {' or '.join(names)} of {self.asked}{self._next_step(names)}")
        return _innermost(candidates[0])

    def check_columns(self, labels: Path, attributes: list[str]) -> None:
        """Refuse a label file without the competition's columns.

        Raises:
            SpecError: With the first missing column, and those that there are.
        """
        there = _header(labels)
        for attribute in attributes if there else ():
            text = getattr(self.competition, attribute)
            columns = [text] if text is None or text in there else text.split(",")
            if lost := [column for column in columns if column is not None and column.strip() not in there]:
                shown = [*there[:_SHOWN], f"… ({len(there)})"] if len(there) > _SHOWN else there
                raise SpecError(
                    f"{labels} lacks the column '{lost[0]}', {attribute} of {self.asked}; it has {', '.join(shown)}:"
                    f" give {option(attribute)}, or correct the file"
                )

    def _next_step(self, names: tuple[str, ...]) -> str:
        archives = [f"{name}{ending}" for name in names for ending in _PACKED]
        packed = [name for name in archives if os.path.isfile(self.path / name)]  # noqa: PTH113 (of any length)
        if packed:
            return f": unpack {packed[0]} there"
        if is_file(self.asked):
            return f": give the folder that holds it, or correct {self.asked}"
        fetch = worded(f"kit fetch {self.asked}", f"kit.fetch({self.asked!r})")
        return f": give the folder that {fetch} has made"


def _innermost(path: Path) -> Path:
    """Descend from a folder that holds nothing but a folder of the same name, as archives are often packed."""
    while path.is_dir():
        inside = [entry.name for entry in path.iterdir() if not entry.name.startswith((".", "__"))]
        if inside != [path.name] or not (path / path.name).is_dir():
            break
        path /= path.name
    return path


def _header(labels: Path) -> list[str]:
    """Read the columns of a CSV; empty for other and damaged files, which are refused when they are read."""
    sign = {".csv": ",", ".tsv": "\t"}.get(labels.suffix.lower())
    if sign:
        with (
            contextlib.suppress(OSError, csv.Error),
            labels.open(newline="", encoding="utf-8-sig", errors="replace") as file,
        ):
            return next(csv.reader(file, delimiter=sign), [])
    return []
