"""Builds a dataset in a temporary folder, which is renamed when it is complete."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import msgspec

from kit.conversion import tfds
from kit.conversion.build_manifest import build_manifest
from kit.conversion.claim import PLAN, claim_whole
from kit.conversion.conversion import Conversion
from kit.conversion.exact_duplicates import duplicates_csv
from kit.conversion.existing_dataset import existing_dataset, remove_stale
from kit.conversion.rejects import refuse_bad, rejects_csv
from kit.conversion.second_pass import Written, write_dataset
from kit.conversion.stored_parts import are_parts_in_store, fetch_parts, remove_parts
from kit.conversion.tied_records import NEAR_TIES, TIES
from kit.conversion.upload import upload_dataset
from kit.conversion.write_shard import summary_path
from kit.datasets.dataset import (
    DUPLICATES,
    MANIFEST,
    NEAR_DUPLICATES,
    REJECTS,
    SAMPLE_SUBMISSION,
    Dataset,
    read_dataset,
)
from kit.datasets.find import fetch_manifest
from kit.datasets.metric import METRIC, inherited_metric, write_metric
from kit.engines import Engine
from kit.errors import ShardError, SourceError, SpecError
from kit.files import publish, sweep, write_whole
from kit.locks import locked, unused
from kit.names import checked_id
from kit.progress import NO_PROGRESS, PrefacedProgress, Progress
from kit.seals import hashes, seal
from kit.storage import FolderHead, fetch_note, mirrored, sealed_folder
from kit.workspace import Workspace


def build_dataset(
    conversion: Conversion,
    *,
    workspace: Workspace,
    engine: Engine,
    max_rejects: int = 0,
    force: bool = False,
    progress: Progress = NO_PROGRESS,
) -> Dataset:
    """Write a dataset, or return an existing one of the same inputs and settings.

    Shards that an earlier, stopped command or parts finished are kept if their bytes are unchanged.

    Raises:
        ShardError: A dataset of this name, or the shards of parts, have other inputs or settings, and `force` is not
            set.
        SourceError: More than `max_rejects` inputs cannot be stored; no files remain, except the shards of parts.
        BusyError: Another process is writing the dataset.
        StoreError: The workspace's store refuses, or does not answer.
    """
    final = workspace.datasets / checked_id(conversion.name, "dataset")
    partial, progress = partial_folder(final), prefaced(conversion, progress)
    before = _fetch_existing(final, force=force)
    if standing := existing_dataset(final, conversion, progress, force=force):
        remove_stale(partial, final)
        return upload_dataset(_with_metric(standing, conversion.metric, progress), before, progress)
    if at := mirrored(final):
        at.store.require_conditions()
    refuse_bad(conversion.name, conversion.source.rejects, max_rejects, is_read=False)
    engine.reach(workspace.datasets, conversion.source.some_files())
    with locked(final):
        if standing := existing_dataset(final, conversion, progress, force=force):  # from a concurrent command
            return upload_dataset(_with_metric(standing, conversion.metric, progress), before, progress)
        fetch_note(partial / PLAN)
        is_of_parts = claim_whole(partial, conversion, force=force, elsewhere=are_parts_in_store(partial))
        if is_of_parts:
            fetch_parts(partial, progress)
        metric, told = conversion.metric, ""
        if metric is None:
            metric, told = inherited_metric(final, conversion.source.target, workspace.root)
        try:
            written = write_dataset(partial, conversion, engine, progress)
            refuse_bad(conversion.name, written.rejects, max_rejects, is_read=True)
            _complete(partial, conversion, written, metric)
        except (ShardError, SourceError, SpecError):
            if not is_of_parts:
                shutil.rmtree(partial)
            raise
        with unused(final / MANIFEST) if final.exists() else contextlib.nullcontext():
            publish(partial, final)
    if told:
        progress.advance(0, told)
    dataset = upload_dataset(read_dataset(final), before, progress)
    remove_parts(partial)
    return dataset


def _fetch_existing(final: Path, *, force: bool) -> FolderHead | None:
    """Fetch the dataset that is there; one that is damaged in the store is replaced with `force`."""
    try:
        return fetch_manifest(final)
    except ShardError:
        if not (force and (stored := sealed_folder(final, MANIFEST))):
            raise
        return stored.read_head()


def partial_folder(final: Path) -> Path:
    """Return the temporary folder of a dataset, beside its own."""
    return final.with_name(f".{final.name}.partial")


def prefaced(conversion: Conversion, progress: Progress) -> Progress:
    """Have the first task tell the notes of a source."""
    for note in reversed(conversion.source.notes):
        progress = PrefacedProgress(progress, note)
    return progress


def _with_metric(dataset: Dataset, metric: str | None, progress: Progress) -> Dataset:
    """Change the metric of a dataset whose shards are those that are asked for."""
    if metric is None:
        return dataset
    try:
        before = dataset.metric
    except ShardError:  # damaged, and put right here
        before = "damaged"
    write_metric(dataset.folder, metric)
    if dataset.metric != before:
        progress.advance(0, f"metric: {dataset.metric}, was {before}; the shards stay as they are")
    return dataset


def _complete(partial: Path, conversion: Conversion, written: Written, metric: str | None) -> None:
    """Write the files beside the shards, the manifest last, and remove the files for resuming."""
    sweep(partial)  # of attempts that were killed
    if written.rejects:
        write_whole(partial / REJECTS, rejects_csv(written.rejects))
    if written.duplicates:
        write_whole(partial / DUPLICATES, duplicates_csv(written.duplicates))
    if written.near:
        write_whole(partial / NEAR_DUPLICATES, duplicates_csv(written.near))
    if conversion.source.sample_submission:
        write_whole(partial / SAMPLE_SUBMISSION, conversion.source.sample_submission.read_bytes())
    manifest = build_manifest(conversion, written)
    tfds.write_description(partial, manifest)
    temporary = {PLAN, TIES, NEAR_TIES, *(summary_path(Path(shard.shard.name)).name for shard in written.shards)}
    shards = {shard.shard.name for shard in written.shards}
    (partial / METRIC).unlink(missing_ok=True)
    if metric:
        write_metric(partial, metric)
    beside = sorted({path.name for path in partial.iterdir()} - temporary - shards - {METRIC})
    write_whole(partial / MANIFEST, seal(msgspec.structs.replace(manifest, files=hashes(partial, beside))))
    for name in temporary:
        (partial / name).unlink(missing_ok=True)
