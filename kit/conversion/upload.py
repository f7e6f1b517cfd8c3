"""Uploads of finished datasets to the object store of their workspace."""

from __future__ import annotations

from kit.datasets.dataset import Dataset, read_dataset
from kit.datasets.find import fetch_manifest
from kit.datasets.metric import METRIC
from kit.errors import ShardError, StoreConflictError, option
from kit.progress import Progress
from kit.storage import FolderHead, SealedFolder


def upload_dataset(dataset: Dataset, before: FolderHead | None, progress: Progress) -> Dataset:
    """Upload a dataset, its manifest last; one that is not in a store's copy stays as it is.

    Args:
        dataset: Finished dataset.
        before: Head of the dataset that it replaces in the store; None if there is none.
        progress: Receiver of every file.

    Returns:
        The dataset; one of the same images and settings that another machine uploaded meanwhile takes its place.

    Raises:
        ShardError: Another machine uploaded other images or settings under this name meanwhile.
        StoreError: The store refuses, does not answer, or cannot write only if nobody else did; the same command
            resumes the upload.
    """
    if not (stored := dataset.stored):
        return dataset
    names = [*(shard.name for shard in dataset.manifest.shards), *dataset.manifest.files]
    try:
        stored.upload(names, before=before, progress=progress)
    except StoreConflictError as error:
        return _yield_to_other(dataset, stored, error)
    metric, name = dataset.folder / METRIC, f"{stored.at.name}/{METRIC}"
    if metric.is_file():
        stored.at.store.write(name, metric.read_bytes())
    else:
        stored.at.store.remove([name])
    return dataset


def _yield_to_other(dataset: Dataset, stored: SealedFolder, error: StoreConflictError) -> Dataset:
    """Take what another machine uploaded first, if it is the same."""
    ours, theirs = stored.copied_head(), stored.read_head()
    if ours and not (theirs and theirs.version == ours.version):
        stored.remove_version(ours.version)
    fetch_manifest(dataset.folder)
    now = read_dataset(dataset.folder)
    if theirs is None or now.manifest.fingerprint != dataset.manifest.fingerprint:
        raise ShardError(
            f"{stored.at.url} was uploaded by another machine meanwhile, from other inputs or settings;"
            f" choose another {option('name')}, or run it again with {option('force', True)} to replace that"
        ) from error
    return now
