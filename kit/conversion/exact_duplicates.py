"""Exact duplicates: images that are equal pixel by pixel, with their splits, folds and labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.conversion.shard_plan import ShardPlan
from kit.datasets.manifest import NO_FOLD, DuplicateInfo
from kit.errors import ShardError, option
from kit.images import equal_images
from kit.sources import Record
from kit.targets import Target


@dataclass(frozen=True, slots=True)
class Placed:
    """A record with its split and fold."""

    record: Record
    split: str
    fold: int


def find_duplicates(plans: Sequence[ShardPlan], *digests: Sequence[str]) -> list[list[Placed]]:
    """Find the sets of equal images.

    Args:
        plans: Plans of the written shards.
        digests: Digests of their records, of one or several kinds: images are equal if the digests of any kind are
            equal and not empty.

    Returns:
        Sets of two or more, each sorted by file name, in the order of their first elements.
    """
    equal = [indices for kind in digests for indices in equal_images(kind)]
    if not equal:
        return []
    from kit.joined_sets import join_sets  # noqa: PLC0415 (SciPy, and few images are equal)

    written = [(record, plan) for plan in plans for record in plan.records]
    sets = []
    for indices in join_sets(equal, len(written)):
        members = (written[index] for index in indices)
        sets.append(sorted((Placed(record, plan.split, plan.fold) for record, plan in members), key=_order))
    return sorted(sets, key=lambda members: _order(members[0]))


def place_sets(sets: Iterable[Sequence[Record]], plans: Sequence[ShardPlan]) -> list[list[Placed]]:
    """Look up where the records of some sets were written."""
    of = {record.id: Placed(record, plan.split, plan.fold) for plan in plans for record in plan.records}
    placed = [sorted((of[record.id] for record in members), key=_order) for members in sets]
    return sorted(placed, key=lambda members: _order(members[0]))


def describe_duplicates(sets: Sequence[Sequence[Placed]], target: Target) -> DuplicateInfo:
    """Count sets of equal images for the manifest; tags in another order are the same label."""
    truth = target.encode([placed.record.label for members in sets for placed in members])
    texts = map(target.text, truth)
    labels = [{next(texts) for _ in members} - {None} for members in sets]
    return DuplicateInfo(
        sets=len(sets),
        images=sum(len(members) for members in sets),
        across_splits=sum(len({placed.split for placed in members}) > 1 for members in sets),
        across_classes=sum(len(found) > 1 for found in labels),
    )


def duplicates_csv(sets: Sequence[Sequence[Placed]]) -> str:
    """Write duplicates.csv: every image with a duplicate."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "input", "split", "fold", "class"])
    for number, members in enumerate(sets):
        for placed in members:
            fold = "" if placed.fold == NO_FOLD else placed.fold
            writer.writerow([number, placed.record.file.path, placed.split, fold, placed.record.label or ""])
    return text.getvalue()


def read_duplicates(path: Path, records: Iterable[Record]) -> list[list[Record]]:
    """Read the sets of equal `records` from a file written by `duplicates_csv`.

    Raises:
        ShardError: The file is missing or damaged.
    """
    by_path = {str(record.file.path): record for record in records}
    sets: dict[str, list[Record]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                sets.setdefault(row["set"], []).append(by_path[row["input"]])
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise ShardError(
            f"{path} is missing or damaged; restore it, or shard again with {option('force', True)}"
        ) from error
    return list(sets.values())


def _order(placed: Placed) -> tuple[str, str]:
    return placed.record.file.name, placed.split
