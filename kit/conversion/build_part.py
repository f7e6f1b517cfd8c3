"""Writes a part of a dataset's shards, beside other commands that write the others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.conversion.build_dataset import partial_folder, prefaced
from kit.conversion.claim import PLAN, claim_part
from kit.conversion.conversion import Conversion
from kit.conversion.existing_dataset import existing_dataset
from kit.conversion.rejects import collect_rejects, refuse_bad
from kit.conversion.second_pass import plan_dataset
from kit.conversion.stored_parts import claim_in_store, missing_parts, upload_part
from kit.conversion.write_shard import ShardTask
from kit.conversion.write_shards import write_shards
from kit.datasets.find import fetch_manifest
from kit.engines import Engine, Part
from kit.errors import KitError
from kit.locks import locked_part
from kit.names import checked_id
from kit.progress import NO_PROGRESS, Progress
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedPart:
    """Part of a dataset's shards, as `kit.shard` returns it for `part`.

    Attributes:
        part: Part as I/N.
        folder: Folder of the shards; the dataset's own if it is complete already.
        shards: Names of the shards of this part.
        records: Number of images in them.
        total: Number of shards of all parts.
        missing: Number of shards of all parts that are not written yet.
    """

    part: str
    folder: Path
    shards: tuple[str, ...]
    records: int
    total: int
    missing: int


def build_part(
    conversion: Conversion,
    part: Part,
    *,
    workspace: Workspace,
    engine: Engine,
    max_rejects: int = 0,
    force: bool = False,
    progress: Progress = NO_PROGRESS,
) -> ShardedPart:
    """Write a part of a dataset's shards; `build_dataset` joins them.

    Every part reads the source and makes the same plan. What other parts wrote stays as it is.

    Raises:
        ShardError: A dataset of this name, or the shards of other parts, have other inputs or settings, and `force` is
            not set.
        SourceError: More than `max_rejects` inputs of this part cannot be stored.
        BusyError: Another process is writing the whole dataset.
    """
    final, progress = workspace.datasets / checked_id(conversion.name, "dataset"), prefaced(conversion, progress)
    partial = partial_folder(final)
    fetch_manifest(final)
    if existing_dataset(final, conversion, progress, force=force):
        return _nothing_left(part, final)
    refuse_bad(conversion.name, conversion.source.rejects, max_rejects, is_read=False)

    def begin() -> None:
        if force or not final.exists():
            claim_in_store(
                partial, lambda elsewhere: claim_part(final, partial, conversion, force=force, elsewhere=elsewhere)
            )

    with locked_part(final, begin):
        if existing_dataset(final, conversion, progress, force=force):  # joined meanwhile
            return _nothing_left(part, final)
        with _removed_if_refused(partial):
            planned = plan_dataset(partial, conversion, engine, progress)
        tasks = [ShardTask(partial, plan, conversion.source.target, conversion.spec) for plan in planned.plans]
        share = part.share(tasks, _records)
        written = write_shards(share, engine, progress, keep_others=True)
        refuse_bad(conversion.name, collect_rejects(conversion, (), written), max_rejects, is_read=True)
        upload_part(partial, share, progress)
        return ShardedPart(
            part=str(part),
            folder=partial,
            shards=tuple(task.plan.name for task in share),
            records=sum(map(_records, share)),
            total=len(tasks),
            missing=missing_parts(tasks, partial),
        )


@contextlib.contextmanager
def _removed_if_refused(partial: Path) -> Iterator[None]:
    """Remove a claim on what cannot become a dataset, as no part can write a shard of it."""
    try:
        yield
    except KitError:
        if not any(partial.glob("*.tfrecord")):
            (partial / PLAN).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other files are there
                partial.rmdir()
        raise


def _records(task: ShardTask) -> int:
    return len(task.plan.records)


def _nothing_left(part: Part, final: Path) -> ShardedPart:
    return ShardedPart(part=str(part), folder=final, shards=(), records=0, total=0, missing=0)
