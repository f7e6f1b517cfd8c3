"""Where images come from, and what is known of them."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from kit.errors import SpecError
from kit.specs.settings import require


class SourceSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a dataset is made from, as the user named it.

    Attributes:
        folder: of images, or an .npz file of arrays.
        labels: CSV or Parquet file of ids and labels; None takes folders for classes.
        id_column: of `labels`; None finds it.
        label_column: of `labels`; several with commas between them are one-hot; None finds it.
        class_from: regular expression that finds the class in a file's name; where it finds none, the folder is it.
        merge_splits: whether train, val and test folders are one source, to be divided anew.
        group: column of `labels`, or regular expression that finds the group (a patient, a slide) in a file's name.
        exclude: text file of ids or paths to leave out, one a line.
        test: folder of unlabelled images.
        sample_submission: CSV whose first column orders the test images.
    """

    folder: str
    labels: str | None = None
    id_column: str | None = None
    label_column: str | None = None
    class_from: str | None = None
    merge_splits: bool = False
    group: str | None = None
    exclude: str | None = None
    test: str | None = None
    sample_submission: str | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        columns = self.id_column or self.label_column
        require(bool(self.labels) or not columns, "--id-column and --label-column need --labels with their file")
        require(not (self.labels and self.class_from), "give --labels or --class-from, not both")


def path_text(path: Path | str | None) -> str | None:
    """Write a path as a spec keeps it."""
    return None if path is None else str(path)


def parse_pattern(text: str, option: str) -> re.Pattern[str]:
    """Compile a regular expression that a user gave.

    Raises:
        SpecError: it is none.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise SpecError(f"{option} '{text}' is no regular expression: {error}") from error


def find(pattern: re.Pattern[str], name: str) -> str | None:
    """Return what `pattern` finds in `name`: its one group if it has one that matched, else the whole match."""
    match = pattern.search(name)
    if match is None:
        return None
    found = [group for group in match.groups() if group is not None]
    return found[0] if len(found) == 1 and pattern.groups == 1 else match[0]
