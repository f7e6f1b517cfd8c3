"""The writer's two passes: shards are written again if the first pass finds equal images in different splits or folds.

Equal images are known only after all images have been decoded. Decoding them before the first shard would double the
time of every conversion; with a second pass, only those with duplicates take longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.conversion.conversion import Conversion
from kit.conversion.exact_duplicates import Placed, find_duplicates, place_sets
from kit.conversion.rejects import collect_rejects
from kit.conversion.shard_plan import ShardPlan, plan_shards, sample
from kit.conversion.tied_records import NEAR_TIES, TIES, near_ties, read_ties, write_ties
from kit.conversion.whole_digests import digest_whole, doubtful
from kit.conversion.write_shard import ShardTask, WrittenShard
from kit.conversion.write_shards import write_shards
from kit.engines import Engine
from kit.progress import Progress
from kit.sources import Record, Reject
from kit.sources.record import RecordId


@dataclass(slots=True)
class Written:
    """Written shards and the sets of duplicates, for the manifest."""

    plans: list[ShardPlan]
    shards: list[WrittenShard]
    duplicates: list[list[Placed]]
    rejects: list[Reject] = field(default_factory=list)
    not_taken: list[Record] = field(default_factory=list)
    near: list[list[Placed]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Shards to write, by what is known of equal images.

    Attributes:
        plans: Shards in order.
        records: Records that are stored.
        left_out: Records that sampling leaves out.
        near: Sets of near-duplicates that stay together.
        ties: Sets of equal images that stay together; empty before they are known.
    """

    plans: list[ShardPlan]
    records: list[Record]
    left_out: list[Record]
    near: Sequence[Sequence[Record]]
    ties: Sequence[Sequence[Record]]


def plan_dataset(partial: Path, conversion: Conversion, engine: Engine, progress: Progress) -> Planned:
    """Plan the shards of a dataset; several parts of it make the same plan.

    Near-duplicates are read from the folder if another command has found them, otherwise found, and stored there.
    """
    target = conversion.source.target
    records, left_out = sample(conversion.source.records, conversion.spec, target)
    near = near_ties(partial / NEAR_TIES, records, conversion, engine, progress)
    ties = (read_ties(partial / TIES, records) or ()) if conversion.ties is None else conversion.ties
    plans = plan_shards(records, conversion.spec, [*near, *ties], target)
    return Planned(plans=plans, records=records, left_out=left_out, near=near, ties=ties)


def write_dataset(partial: Path, conversion: Conversion, engine: Engine, progress: Progress) -> Written:
    """Write all shards, and write them again if needed to keep equal images together."""
    target, planned = conversion.source.target, plan_dataset(partial, conversion, engine, progress)
    plans, records, near = planned.plans, planned.records, planned.near
    writer = _Writer(partial, conversion, engine, progress)
    shards, duplicates = writer.write(plans)
    if duplicates and not planned.ties and conversion.ties is None:
        tied = [[placed.record for placed in members] for members in duplicates]
        write_ties(partial / TIES, records, tied)
        again = plan_shards(records, conversion.spec, [*near, *tied], target)
        if again != plans:
            progress.advance(0, f"{len(tied):,} sets of equal images: shards are written anew to keep them together")
            plans = again
            shards, duplicates = writer.write(plans)
    rejects = collect_rejects(conversion, planned.left_out, shards)
    return Written(plans, shards, duplicates, rejects, planned.left_out, place_sets(near, plans))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes a dataset's shards by one or several plans.

    Attributes:
        folder: Folder of the shards.
        conversion: Source and settings.
        engine: Engine that runs the tasks.
        progress: Receiver of every finished shard.
        digests: Digests of the images that were decoded whole, by their records' ids, kept for the second pass.
    """

    folder: Path
    conversion: Conversion
    engine: Engine
    progress: Progress
    digests: dict[RecordId, str] = field(default_factory=dict)

    def write(self, plans: Sequence[ShardPlan]) -> tuple[list[WrittenShard], list[list[Placed]]]:
        """Write shards, and find the sets of equal images in them."""
        spec, target = self.conversion.spec, self.conversion.source.target
        tasks = [ShardTask(self.folder, plan, target, spec) for plan in plans]
        shards = write_shards(tasks, self.engine, self.progress)
        digests = [digest for shard in shards for digest in shard.digests]
        indices = doubtful([origin for shard in shards for origin in shard.origins])
        if not indices:
            return shards, find_duplicates(plans, digests)
        records = [record for plan in plans for record in plan.records]
        digest_whole([records[index] for index in indices], spec.image, self.engine, self.progress, self.digests)
        return shards, find_duplicates(plans, digests, [self.digests.get(record.id, "") for record in records])
