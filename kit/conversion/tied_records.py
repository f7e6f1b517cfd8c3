"""Sets of records that stay together, stored beside the shards so that a stopped command can resume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from kit.conversion.conversion import Conversion
from kit.conversion.look_alikes import find_looks_alike
from kit.engines import Engine
from kit.errors import SpecError
from kit.files import write_whole
from kit.progress import Progress
from kit.seals import read_sealed, seal
from kit.sources import Record

TIES, NEAR_TIES = "ties.json", "near_ties.json"


def near_ties(
    path: Path, records: Sequence[Record], conversion: Conversion, engine: Engine, progress: Progress
) -> Sequence[Sequence[Record]]:
    """Find the near-duplicates that stay together, or read those stored by a stopped command."""
    if not conversion.spec.near_duplicates or conversion.near is not None:
        return conversion.near or ()
    known = read_ties(path, records)
    if known is None:
        sets = find_looks_alike(records, conversion.spec, engine, progress)
        known = [[records[index] for index in indices] for indices in sets]
        write_ties(path, records, known)
    return known


def write_ties(path: Path, records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> None:
    """Store the sets of records that stay together."""
    indices = {record.id: index for index, record in enumerate(records)}
    write_whole(path, seal(_Ties(sets=[[indices[record.id] for record in tie] for tie in ties])))


def read_ties(path: Path, records: Sequence[Record]) -> list[list[Record]] | None:
    """Read the sets stored by `write_ties`; None if the file is missing or damaged."""
    try:
        sets = read_sealed(path, _Ties).sets
    except (FileNotFoundError, SpecError):
        return None
    return [[records[index] for index in tie] for tie in sets]


class _Ties(msgspec.Struct, frozen=True):
    """Indices of the records that stay together."""

    sets: list[list[int]]
