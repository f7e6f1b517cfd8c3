"""Parts of a dataset's shards that meet in the object store of their workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kit.conversion.claim import PLAN
from kit.conversion.write_shard import ShardTask, WrittenShard, summary_path
from kit.errors import DamagedObjectError, SpecError
from kit.files import write_whole
from kit.progress import Progress
from kit.seals import read_sealed
from kit.storage import fetch_note, keep_note, mirrored

_SUMMARY = ".written.json"


def claim_in_store(partial: Path, claim: Callable[[bool], object]) -> None:
    """Claim the folder of the parts on this machine, and then in the store; only the former without a store.

    Args:
        partial: Temporary folder of the dataset.
        claim: Function that claims it here, by plan.json, against what other machines have claimed; its argument says
            whether parts have uploaded shards.

    Raises:
        ShardError: Parts wrote shards from other inputs or settings.
    """
    while True:
        tag = fetch_note(partial / PLAN)
        before = (partial / PLAN).read_bytes() if tag else None
        claim(are_parts_in_store(partial))
        if before and before != (partial / PLAN).read_bytes():
            remove_parts(partial)
            tag = None
        if keep_note(partial / PLAN, tag):
            return


def upload_part(partial: Path, tasks: Iterable[ShardTask], progress: Progress) -> None:
    """Upload the shards of a part, the summary of each last; nothing without a store."""
    if at := mirrored(partial):
        there = _in_store(partial)
        files = [path for task in tasks for path in (task.path, summary_path(task.path))]
        left = [path for path in files if path.name not in there]
        progress.start(f"upload {at.name}", len(left))
        for path in left:
            at.store.upload(path, f"{at.name}/{path.name}")
            progress.advance()
        progress.finish()


def fetch_parts(partial: Path, progress: Progress) -> None:
    """Download the shards of all parts that are not here; nothing without a store.

    Raises:
        StoreError: The store refuses, or does not answer.
    """
    if at := mirrored(partial):
        left = sorted(name for name in _in_store(partial) if name.endswith(_SUMMARY) and not (partial / name).is_file())
        progress.start(f"fetch {at.name}", len(left))
        for name in left:
            if found := at.store.read(f"{at.name}/{name}"):
                _fetch_shard(partial, name, found[0])
            progress.advance()
        progress.finish()


def missing_parts(tasks: Iterable[ShardTask], partial: Path) -> int:
    """Count the shards without a summary, which is written last, here or in the store."""
    there = _in_store(partial)
    summaries = [summary_path(task.path) for task in tasks]
    return sum(not (path.is_file() or path.name in there) for path in summaries)


def are_parts_in_store(partial: Path) -> bool:
    """Return whether parts have uploaded shards."""
    return any(name.endswith(_SUMMARY) for name in _in_store(partial))


def remove_parts(partial: Path) -> None:
    """Remove what parts uploaded; nothing without a store."""
    if at := mirrored(partial):
        at.store.remove([f"{at.name}/{name}" for name in _in_store(partial)])


def _in_store(partial: Path) -> set[str]:
    """List the names of the files that parts have uploaded; none without a store."""
    at = mirrored(partial)
    return {found.name.rpartition("/")[2] for found in at.store.objects(at.name)} if at else set()


def _fetch_shard(partial: Path, name: str, summary: bytes) -> None:
    """Download a shard, and then write its summary; one that is damaged is left out, and its shard written anew."""
    at, path = mirrored(partial), partial / name
    write_whole(path, summary)
    try:
        shard = read_sealed(path, WrittenShard).shard
        if at:
            at.store.download(f"{at.name}/{shard.name}", partial / shard.name, shard.xxh128)
    except (SpecError, DamagedObjectError, FileNotFoundError):
        path.unlink()
