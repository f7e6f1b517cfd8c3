"""Settings of a source: image folder, labels, groups and test images."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from kit.errors import SpecError, option, require, unknown
from kit.specs.serialization import build

TABLES = frozenset({".csv", ".tsv", ".parquet"})
TARGETS = ("classes", "tags", "grades", "values")
"""Names of `kit.targets.TARGETS`, which needs NumPy, as a command's help must not."""

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Source of a dataset: images, labels, groups and test images, as given by the user.

    Attributes:
        folder: Folder of images, or an .npz file of arrays.
        labels: CSV or Parquet file of ids and labels, with or without a header; None takes folders for classes.
        id_column: Column of ids in `labels`, with or without the files' endings; None finds it by its name or content.
        path_column: Column of file names in `labels`, and in a table that `test` names, where ids name no files; None
            takes the ids for names.
        label_column: Column of labels in `labels`, or several with commas between them; None takes those that the
            sample submission names, or finds them.
        target: Meaning of the labels: "classes", "tags", "grades" or "values", see `kit.targets`; None finds it.
        separator: Sign between the tags of one label; None finds it.
        no_tag: Label that means no tag, such as "No Finding"; empty takes empty cells for none.
        class_from: Regular expression that finds the class in a file's name; without a match, the folder is the class.
        classes: Class by label, to rename or merge labels: {"Cat": "cat"}; also tags, and grades, these from the lowest
            to the highest.
        class_names: Names of the classes 0, 1, and so on, for labels that are numbers, such as those of an .npz file;
            also of tags, grades and values. Names that occur as labels order grades, from the lowest to the highest.
        merge_splits: Whether train, val and test folders are merged and divided anew.
        ignore_splits: Splits of the source to leave out: "train", "val" or "test".
        group: Column of `labels`, or regular expression that finds the group (a patient, a slide) in a file's name.
        exclude: Text file of ids or paths to leave out, one a line.
        test: Folder of unlabelled images, or a table that maps their ids to files in the source's folder or beside
            the table.
        sample_submission: CSV whose first column orders the test images, and whose other columns name the labels.
    """

    folder: str
    labels: str | None = None
    id_column: str | None = None
    path_column: str | None = None
    label_column: str | None = None
    target: str | None = None
    separator: str | None = None
    no_tag: str | None = None
    class_from: str | None = None
    classes: tuple[tuple[str, str], ...] = ()
    class_names: tuple[str, ...] = ()
    merge_splits: bool = False
    ignore_splits: tuple[str, ...] = ()
    group: str | None = None
    exclude: str | None = None
    test: str | None = None
    sample_submission: str | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        has_table = bool(self.labels) or self.has_test_table
        columns = self.label_column or (not has_table and (self.id_column or self.path_column))
        require(
            bool(self.labels) or not columns,
            f"{option('id_column')}, {option('path_column')} and {option('label_column')} need {option('labels')} with"
            " their file",
        )
        self._check_target()
        require(not (self.labels and self.class_from), f"give {option('labels')} or {option('class_from')}, not both")
        olds = [old for old, _ in self.classes]
        twice = sorted({old for old in olds if olds.count(old) > 1})
        require(not twice, f"{option('classes')} names '{(twice or [''])[0]}' twice; a label has one class")
        require(all(new for _, new in self.classes), f"{option('classes')}: a class needs a name, as in old=new")
        require(
            not (self.classes and self.class_names), f"give {option('classes')} or {option('class_names')}, not both"
        )
        names = self.class_names
        require(len(set(names)) == len(names), f"{option('class_names')} must all be different, got {', '.join(names)}")
        require(all(names), f"{option('class_names')}: each class needs a name, as in normal,pneumonia")
        checked_splits(self.ignore_splits)

    def _check_target(self) -> None:
        require(self.target in {None, *TARGETS}, unknown("target", str(self.target), TARGETS))
        for name in ("separator", "no_tag"):
            given = getattr(self, name)
            named = option(name, given, typed=f"'{given}'")
            require(
                given is None or self.target in {None, "tags"},
                f"{named} is for tags, not for {option('target', self.target)}",
            )
        require(self.separator != "", f"{option('separator')} needs a sign, such as '|'")

    @property
    def wanted_target(self) -> str | None:
        """Name of the target that is asked for, also by what only tags have; None where it is to be found."""
        is_for_tags = self.separator is not None or self.no_tag is not None
        return self.target or ("tags" if is_for_tags else None)

    @property
    def has_test_table(self) -> bool:
        """Whether `test` names a table."""
        return self.test is not None and Path(self.test).suffix.lower() in TABLES

    @property
    def renamings(self) -> Mapping[str, str]:
        """Class by label, from `classes` or `class_names`."""
        return dict(self.classes) or {str(number): name for number, name in enumerate(self.class_names)}


def checked_splits(names: Iterable[str]) -> frozenset[str]:
    """Normalise the names of splits: val, valid and validation are the same.

    Raises:
        SpecError: A name is no split.
    """
    for name in names:
        require(name.lower() in SPLIT_FOLDERS, unknown("split to ignore", name, ("train", "val", "test")))
    return frozenset(SPLIT_FOLDERS[name.lower()] for name in names)


def parse_classes(text: str) -> dict[str, str]:
    """Read "old=new,other=new"; names with commas are quoted.

    Raises:
        SpecError: A part lacks "=", or a name on either side of it.

    >>> parse_classes('Cat=cat,"a, b=ab"')
    {'Cat': 'cat', 'a, b': 'ab'}
    """
    pairs = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        old, equals, new = part.partition("=")
        require(bool(equals and old and new.strip()), f"{option('classes')} must read old=new,other=new, got '{part}'")
        require(old not in pairs, f"{option('classes')} names '{old}' twice; a label has one class")
        pairs[old] = new.strip()
    return pairs


def parse_names(text: str) -> list[str]:
    """Read comma-separated names; a name with a comma is quoted."""
    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]


def folder_name(source: Path) -> str:
    """Derive a dataset's name from its folder, or from the parent of a folder called images, train or the like."""
    folder = source.parent if source.stem.lower() in {*SPLIT_FOLDERS, "images"} else source
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.stem).strip("-.") or "images"


def path_text(path: Path | str | None) -> str | None:
    """Write a path as text for a spec; other types are left for the spec to refuse."""
    return str(path) if isinstance(path, Path) else path


def source_spec(folder: Path | str, options: Mapping[str, Any]) -> SourceSpec:
    """Make a spec from the options of a call; None stands for an option that is not given.

    Raises:
        SpecError: An option has a wrong type, or options contradict each other.
    """
    require(isinstance(folder, str | Path), f"source must be a path, got {folder!r}")
    given = {name: _plain(value) for name, value in options.items() if value is not None}
    return build({"folder": _plain(folder), **given}, SourceSpec)


def _plain(value: Any) -> Any:
    return list(value.items()) if isinstance(value, Mapping) else path_text(value)


def parse_pattern(text: str, name: str) -> re.Pattern[str]:
    """Compile a regular expression given by the user.

    Raises:
        SpecError: The expression is invalid.
    """
    try:
        return re.compile(text)
    except re.error as error:
        asked = option(name, text, typed=f"'{text}'")
        raise SpecError(f"{asked} is not a regular expression: {error}") from error


def find(pattern: re.Pattern[str], name: str) -> str | None:
    """Return the match of `pattern` in `name`: its group if it has one that matched, else the whole match."""
    match = pattern.search(name)
    if match is None:
        return None
    found = [group for group in match.groups() if group is not None]
    return found[0] if len(found) == 1 and pattern.groups == 1 else match[0]
