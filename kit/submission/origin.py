"""Origin of a submission, kept in a side file next to its CSV."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from kit.errors import SpecError
from kit.files import locked, refuse_overwrite, write_whole
from kit.runs.provenance import Maker
from kit.seals import read_sealed, seal


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


def write_csv(csv: Path, text: str, origin: Origin, *, force: bool) -> None:
    """Write a CSV, and its side file before the CSV appears.

    Raises:
        WorkspaceError: The file exists and `force` is not set, or another process is writing it.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    with locked(csv):
        refuse_overwrite(csv, force=force)  # another command finished first
        write_origin(csv, msgspec.structs.replace(origin, sha256=digest))
        write_whole(csv, text)


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
