"""Lines about a part of a command's work, with the next step."""

from __future__ import annotations

from kit.conversion.build_part import ShardedPart
from kit.errors import first_three

JOIN = "next: when all parts have ended, the same command without --part joins them"


def describe_sharded(part: ShardedPart) -> str:
    """Say which shards a part wrote, and how many are missing."""
    if not part.total:
        return f"{part.folder} is complete; part {part.part} has nothing to do"
    named = first_three(part.shards, len(part.shards)) if part.shards else "none (0)"
    return (
        f"part {part.part} has written its {part.records:,} images in the shards {named} of {part.total:,};"
        f" {part.missing:,} of all are missing; {JOIN}"
    )
