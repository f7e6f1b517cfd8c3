"""Records that stay together, noted beside the shards so that a stopped command goes on from there."""

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
    """Find the records that look the same and are to stay together; a stopped command has noted them."""
    if not conversion.spec.near_duplicates or conversion.near is not None:
        return conversion.near or ()
    known = read_ties(path, records)
    if known is None:
        sets = find_looks_alike(records, conversion.spec, engine, progress)
        known = [[records[index] for index in indices] for indices in sets]
        write_ties(path, records, known)
    return known


def write_ties(path: Path, records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> None:
    """Note which records stay together, so that a stopped command goes on from there."""
    indices = {record.id: index for index, record in enumerate(records)}
    write_whole(path, seal(_Ties(sets=[[indices[record.id] for record in tie] for tie in ties])))


def read_ties(path: Path, records: Sequence[Record]) -> list[list[Record]] | None:
    """Read the records that `write_ties` has noted; None where there is no note, or it is damaged."""
    try:
        sets = read_sealed(path, _Ties).sets
    except (FileNotFoundError, SpecError):
        return None
    return [[records[index] for index in tie] for tie in sets]


class _Ties(msgspec.Struct, frozen=True):
    """Indices of records that stay together."""

    sets: list[list[int]]
