"""Lines about a part of a command's work, with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.errors import first_three
from kit.storage import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kit.conversion.build_part import ShardedPart
    from kit.engines import Part
    from kit.runs import RunDirectory
    from kit.submission.predict import PredictedPart

JOIN = "next: when all parts have ended, the same command without --part joins them"


def describe_sharded(part: ShardedPart) -> str:
    """Name the shards that a part wrote, and count the missing ones."""
    if not part.total:
        return f"{shown(part.folder)} is complete; part {part.part} has nothing to do"
    named = first_three(part.shards, len(part.shards)) if part.shards else "none (0)"
    return (
        f"part {part.part} has written its {part.records:,} images in the shards {named} of {part.total:,};"
        f" {part.missing:,} of all are missing; {JOIN}"
    )


def describe_trained(part: Part, runs: Sequence[RunDirectory], *, failed: int = 0, elsewhere: int = 0) -> str:
    """Count the finished runs of a part, and the others."""
    finished = sum(run.is_finished for run in runs)
    others = [f"{failed} failed"] if failed else []
    others += [f"{elsewhere} left to other commands, which are training them"] if elsewhere else []
    said = "".join(f", {other}" for other in others)
    return f"part {part}: {finished} of its {len(runs)} runs finished{said}; {JOIN}"


def describe_predicted(part: PredictedPart) -> str:
    """Count the images that a part predicted, and the missing ones."""
    if part.path:
        return f"{part.path} is complete; part {part.part} has nothing to do"
    return (
        f"part {part.part}: {part.images:,} images predicted into {part.folder}; {part.missing:,} are missing; {JOIN}"
    )
