"""Where a submission's predictions came from: a side file beside its CSV."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kit.files import write_whole
from kit.specs import from_json, to_json


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What made a submission, so that it can be traced and made again.

    Attributes:
        command: words of the command line.
        dataset: its name in tfrecords/.
        fingerprint: the dataset's.
        runs: whose predictions it holds.
        created: ISO time, UTC.
        metric: that `score` is about; None if nothing was measured.
        score: of the same predictions on labelled images.
        scored_on: "out-of-fold" or "validation".
        inputs: files that it was blended from.
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


def read_origin(csv: Path) -> Origin | None:
    """Read where `csv` came from; None if no side file says so.

    Raises:
        SpecError: the side file is damaged.
    """
    path = _side_file(csv)
    return from_json(path, Origin) if path.is_file() else None


def write_origin(csv: Path, origin: Origin) -> None:
    """Note where `csv` came from."""
    write_whole(_side_file(csv), to_json(origin))


def _side_file(csv: Path) -> Path:
    return csv.with_name(f"{csv.name}.origin.json")
