"""Records that stay together, noted beside the shards so that a stopped command goes on from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from kit.conversion.conversion import Conversion
from kit.conversion.look_alikes import find_looks_alike
from kit.engines import Engine
from kit.files import write_whole
from kit.progress import Progress
from kit.sources import Record

TIES, NEAR_TIES = "ties.json", "near_ties.json"


def near_ties(
    path: Path, records: Sequence[Record], conversion: Conversion, engine: Engine, progress: Progress
) -> Sequence[Sequence[Record]]:
    """Find the records that look the same and are to stay together; a stopped command has noted them."""
    if not conversion.spec.near_duplicates or conversion.near is not None:
        return conversion.near or ()
    if not path.is_file():
        sets = find_looks_alike(records, conversion.spec, engine, progress)
        write_ties(path, records, [[records[place] for place in places] for places in sets])
    return read_ties(path, records)


def write_ties(path: Path, records: Sequence[Record], ties: Sequence[Sequence[Record]]) -> None:
    """Note which records stay together, so that a stopped command goes on from there."""
    places = {record.id: place for place, record in enumerate(records)}
    write_whole(path, msgspec.json.encode([[places[record.id] for record in tie] for tie in ties]))


def read_ties(path: Path, records: Sequence[Record]) -> list[list[Record]]:
    """Read the records that `write_ties` has noted; none without a note."""
    if not path.is_file():
        return []
    places = msgspec.json.decode(path.read_bytes(), type=list[list[int]])
    return [[records[place] for place in tie] for tie in places]
