"""Origin of a submission, kept in a side file next to its CSV."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kit.errors import SpecError
from kit.files import refuse_overwrite, write_whole
from kit.locks import locked
from kit.runs.provenance import Maker
from kit.seals import read_sealed, seal
from kit.targets import NO_DECISION, Decision

KEPT = ".predictions.csv"
"""Ending of a file of predictions, in the place of the submission's .csv."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Origin of a CSV, and its expected score.

    Attributes:
        command: Command that reproduces the file.
        dataset: Dataset of the predictions; for a blend that of the first input with a known one, empty if none has.
        fingerprint: Fingerprint of the dataset.
        runs: Averaged runs, as paths below runs/ if they are there.
        created: ISO time, UTC.
        metric: Metric of the score; None without one.
        score: Score on images that no run was trained on; None without such images.
        scored_on: Name of those images: "out-of-fold" or "validation".
        inputs: Blended CSVs.
        sha256: SHA-256 of the CSV's bytes; empty if unknown.
        made_by: Runs with hashes of their settings and weights; for a blend those of its inputs.
        holds: Contents of the CSV's cells: "probabilities", "decisions", "ranks" or "numbers"; empty if unknown.
        predictions: SHA-256 of the predictions kept beside the CSV; empty without any.
        rule: Rule of the cells' decisions.
        is_crossed: Whether the score is that of rules or weights chosen without each fold.
    """

    command: list[str]
    dataset: str
    fingerprint: str
    runs: list[str]
    created: str
    metric: str | None = None
    score: float | None = None
    scored_on: str | None = None
    inputs: list[str] = []
    sha256: str = ""
    made_by: tuple[Maker, ...] = ()
    holds: str = ""
    predictions: str = ""
    rule: Decision = NO_DECISION
    is_crossed: bool = False

    @property
    def has_decisions(self) -> bool:
        """Whether cells are names or marks, not numbers to be averaged."""
        return self.holds in {"decisions", "ranks"} if self.holds else self.metric == "accuracy"

    def given(self, option: str) -> str | None:
        """Value of an option of the command, by its name without dashes; None where it was not given."""
        return dict(itertools.pairwise(self.command)).get(f"--{option}")

    def answers(self, options: Mapping[str, object]) -> bool:
        """Whether the command was given the same values of some options; None is the value of one that is left out."""
        return all(
            self.given(name.removeprefix("--")) == (None if value is None else str(value))
            for name, value in options.items()
        )

    def is_of(self, sha256: str) -> bool:
        """Whether the origin belongs to these bytes; false if the CSV was changed since."""
        return self.sha256 in {"", sha256}


def origin_file(csv: Path) -> Path:
    """Return the path of a CSV's side file."""
    return csv.with_name(f"{csv.name}.origin.json")


def read_origin(csv: Path) -> Origin | None:
    """Read the origin of a CSV; None without a side file.

    Raises:
        SpecError: The side file is damaged or was changed since.
    """
    path = origin_file(csv)
    if not path.is_file():
        return None
    try:
        return read_sealed(path, Origin, what="submission")
    except SpecError as error:
        raise SpecError(f"{error}; make {csv.name} again, or remove {path.name}, which says what made it") from error


def write_csv(csv: Path, text: str, origin: Origin, *, force: bool, predictions: str = "") -> None:
    """Write a CSV, and its side files before the CSV appears.

    Args:
        csv: CSV to write.
        text: Content of the CSV.
        origin: Origin of the CSV, without the hashes.
        force: Whether to replace existing files.
        predictions: Content of the file of predictions beside it; empty for none, and those of the CSV that is
            replaced are removed.

    Raises:
        WorkspaceError: A file exists and `force` is not set, or another process is writing it.
    """
    hashes = {"sha256": sha256_of(text), "predictions": sha256_of(predictions) if predictions else ""}
    kept = kept_file(csv)
    with locked(csv):
        refuse_existing(csv, force=force)  # another command finished first
        has_others = not predictions and _has_predictions(csv)
        write_origin(csv, msgspec.structs.replace(origin, **hashes))
        if predictions:
            write_whole(kept, predictions)
        if has_others:
            kept.unlink(missing_ok=True)
        write_whole(csv, text)


def _has_predictions(csv: Path) -> bool:
    """Whether kit wrote predictions beside a CSV; false if its side file does not say."""
    with contextlib.suppress(SpecError):
        origin = read_origin(csv)
        return origin is not None and bool(origin.predictions)
    return False


def refuse_existing(csv: Path, *, force: bool) -> None:
    """Refuse to replace a CSV, or a file that stands where its predictions go; not what a stopped command left.

    Raises:
        WorkspaceError: A file exists and `force` is not set.
    """
    refuse_overwrite(csv, force=force)
    if not origin_file(csv).is_file():
        refuse_overwrite(kept_file(csv), force=force)


def kept_file(csv: Path) -> Path:
    """Return the path of the predictions kept beside a CSV."""
    return csv.with_name(f"{csv.name.removesuffix('.csv')}{KEPT}")


def sha256_of(text: str) -> str:
    """Hash a text as its file is hashed."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_origin(csv: Path, origin: Origin) -> None:
    """Write the side file of a CSV, before the CSV itself appears."""
    write_whole(origin_file(csv), seal(origin))


def now() -> str:
    """Return the current time in the format of `Origin.created`."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def command_line(name: str, arguments: Sequence[str | Path], options: Mapping[str, object]) -> list[str]:
    """Build the command that reproduces and replaces a CSV; options that are None are left out."""
    given = [str(part) for option, value in options.items() if value is not None for part in (option, value)]
    return ["kit", name, *map(str, arguments), *given, "--force"]
