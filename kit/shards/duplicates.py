"""Images that are the same pixel by pixel: who they are, and where they lie."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from kit.images import equal_images
from kit.shards.manifest import NO_FOLD, DuplicateInfo
from kit.shards.plan import ShardPlan
from kit.sources import Record


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and where it was written."""

    record: Record
    split: str
    fold: int


def find_duplicates(plans: Sequence[ShardPlan], digests: Sequence[Sequence[str]]) -> list[list[Placed]]:
    """Find the sets of equal images.

    Args:
        plans: that were written.
        digests: of each plan's records; empty for a rejected one.

    Returns:
        Sets of two or more, each sorted by file name, sorted by their first.
    """
    equal = equal_images(digest for shard_digests in digests for digest in shard_digests)
    if not equal:
        return []
    written = [(record, plan) for plan in plans for record in plan.records]
    sets = []
    for places in equal:
        members = (written[place] for place in places)
        sets.append(sorted((Placed(record, plan.split, plan.fold) for record, plan in members), key=_order))
    return sorted(sets, key=lambda members: _order(members[0]))


def describe_duplicates(sets: Sequence[Sequence[Placed]]) -> DuplicateInfo:
    """Count them for the manifest."""
    return DuplicateInfo(
        sets=len(sets),
        images=sum(len(members) for members in sets),
        across_splits=sum(len({placed.split for placed in members}) > 1 for members in sets),
        across_classes=sum(
            len({p.record.label for p in members if p.record.label is not None}) > 1 for members in sets
        ),
    )


def duplicates_csv(sets: Sequence[Sequence[Placed]]) -> str:
    """List every image that has an equal one."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["set", "input", "split", "fold", "class"])
    for number, members in enumerate(sets):
        for placed in members:
            fold = "" if placed.fold == NO_FOLD else placed.fold
            writer.writerow([number, placed.record.file.path, placed.split, fold, placed.record.label or ""])
    return text.getvalue()


def _order(placed: Placed) -> tuple[str, str]:
    return placed.record.file.name, placed.split
