"""A competition's facts, that ship with kit or are read from a TOML file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from kit.arguments import checked_arguments
from kit.errors import SpecError, require, unknown
from kit.metrics import find_metric
from kit.metrics.own import is_in_file
from kit.specs.serialization import from_toml
from kit.specs.source import source_spec

FILES = ("labels", "test", "sample_submission")
"""Attributes that name files or folders below the fetched folder, and are options of a source."""

COLUMNS = ("id_column", "path_column", "label_column")
"""Attributes that name columns of the label file."""

_FILE = ".toml"
_SETTINGS = (*COLUMNS, "target", "separator", "no_tag", "class_from", "group")
_LISTS = ("classes", "class_names")
_NEEDED = "title, labels, id_column, label_column, metric and test"

Names = str | tuple[str, ...]
"""One name, or the names that versions of the files have; the first that exists is meant."""


class Competition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A competition: its files, labels, metric and cells.

    Attributes:
        title: Title of the competition's page.
        images: Format and arrangement of the images, in words.
        answer: Contents of a label, in words.
        folder: Folder of the labelled images, "." for the whole fetched folder; several names as for `labels`.
        labels: Label file below the fetched folder, or the names that it has in versions of the files, of which the
            first that exists is meant; empty where folders or file names hold the classes.
        id_column: Column of ids in the label file.
        path_column: Column of file names in the label file, where ids name no files.
        label_column: Column of labels, or several with commas between them; None for those of the sample submission.
        class_from: Regular expression that finds the class in a file's name.
        classes: Class by label, to rename or merge labels.
        class_names: Names of the classes 0, 1, and so on; or the grades from the lowest to the highest.
        target: Meaning of the labels: "classes", "tags", "grades" or "values"; None finds it.
        separator: Sign between the tags of one label.
        no_tag: Label that means no tag.
        group: Column of the label file, or regular expression that finds the group in a file's name.
        test: Folder of test images, or table of their ids and files, with names as for `labels`; empty where they lie
            among the labelled ones.
        sample_submission: Sample submission, with names as for `labels`; empty for none.
        metric: Metric that the competition scores, see `kit.find_metric`.
        cells: Contents of a submission's value columns, in words.
        is_code: Whether a notebook is run again on hidden test images.
        refused: Reason for which kit cannot serve the competition; empty where it can.
        notes: Trap doors of the files and of the metric, a sentence each.
        unconfirmed: Facts that were found in no public source, a sentence each.
        sources: Public sources of the facts.
        thresholds: Scores of leaderboard places by name, such as median, bronze or gold.
        tested_since: First version of kit whose tests serve the competition; empty where none does.
    """

    title: str
    images: str = ""
    answer: str = ""
    folder: Names = "."
    labels: Names = ""
    id_column: str | None = None
    path_column: str | None = None
    label_column: str | None = None
    class_from: str | None = None
    classes: dict[str, str] = {}
    class_names: tuple[str, ...] = ()
    target: str | None = None
    separator: str | None = None
    no_tag: str | None = None
    group: str | None = None
    test: Names = ""
    sample_submission: Names = ""
    metric: str = ""
    cells: str = ""
    is_code: bool = False
    refused: str = ""
    notes: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    thresholds: dict[str, float] = {}
    tested_since: str = ""

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other, and a metric that is unknown or of another target."""
        require(bool(self.title), "title must not be empty")
        require(bool(self.folder), 'folder must name the folder of the labelled images, "." for all files')
        for attribute in ("folder", *FILES):
            for name in self.names(attribute):
                require(bool(name), f"{attribute} lists an empty name; leave it out, or name a file")
                _refuse_outside(attribute, name)
        if self.refused:
            return
        source_spec(".", {**self.settings, "labels": self.names("labels")[0] if self.labels else None})
        if self.metric and not is_in_file(self.metric):
            targets = find_metric(self.metric).targets
            require(
                self.target is None or self.target in targets,
                f"metric '{self.metric}' is for {' and '.join(sorted(targets))}, not for target '{self.target}'",
            )

    @property
    def settings(self) -> dict[str, Any]:
        """Options of a source that name no files; those that are not set are left out."""
        lists = {name: value for name in _LISTS if (value := getattr(self, name))}
        return {name: value for name in _SETTINGS if (value := getattr(self, name)) is not None} | lists

    def names(self, attribute: str) -> tuple[str, ...]:
        """List the names of a file; empty where the competition has no such file."""
        value: Names = getattr(self, attribute)
        return (value,) if isinstance(value, str) and value else tuple(value)


@checked_arguments
def competition_names() -> list[str]:
    """List the competitions that kit knows, by slug, sorted."""
    return sorted(path.stem for path in _shipped().glob(f"*{_FILE}"))


@checked_arguments
def read_competition(name: Path | str) -> Competition:
    """Read a competition that kit knows, by its slug, or any other by the path of its .toml file.

    Raises:
        SpecError: The slug is unknown (the message gives the nearest known one), or the file is missing or invalid.
    """
    if is_file(name):
        path = Path(name)
        if not path.is_file():
            raise SpecError(f"competition file {path} {'is a folder' if path.is_dir() else 'does not exist'}")
        return from_toml(path, Competition)
    known = competition_names()
    if name not in known:
        raise SpecError(
            f"{unknown('competition', str(name), known)}; for another one, write a .toml file with {_NEEDED}, and give"
            " its path"
        )
    return from_toml(_shipped() / f"{name}{_FILE}", Competition)


def is_file(name: Path | str) -> bool:
    """Whether a name is the path of a competition's file, not a slug."""
    return str(name).endswith(_FILE)


def _refuse_outside(attribute: str, name: str) -> None:
    path = PurePosixPath(name)
    require(
        not path.is_absolute() and ".." not in path.parts,
        f"{attribute} must be a name below the fetched folder, got '{name}'",
    )


def _shipped() -> Path:
    with resources.as_file(resources.files("kit.competitions") / "facts") as folder:
        return folder
