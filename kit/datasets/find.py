"""Lookup of datasets by name; those in an object store are copied, without their shards."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

from kit.arguments import checked_arguments
from kit.datasets.dataset import MANIFEST, Dataset, read_dataset, read_manifest
from kit.datasets.metric import METRIC
from kit.errors import ShardError, WorkspaceError, unknown
from kit.files import whole_folder, write_whole
from kit.locks import locked, unused
from kit.storage import FolderHead, SealedFolder, mirrored, name_below, sealed_folder, shown
from kit.workspace import Workspace


@checked_arguments
def find_dataset(name: str, *, root: Path | str | None = None) -> Dataset:
    """Open tfrecords/<name>.

    Args:
        name: Name of the dataset, or its folder or address in tfrecords/.
        root: Workspace, as a folder or as an address such as s3://lab/retina; KIT_ROOT or the current folder otherwise.

    Raises:
        WorkspaceError: There is no such dataset; the message gives the nearest name.
        ShardError: The dataset is damaged.
        StoreError: The store refuses or does not answer.
    """
    workspace = Workspace.at(root)
    name = str(name_below(workspace.datasets, name))
    if Path(name).parent.resolve() == workspace.datasets.resolve():  # tfrecords/pcam, as a shell completes it
        name = Path(name).name
    folder = workspace.datasets / name
    at = mirrored(folder)
    is_there = fetch_manifest(folder) is not None if at else (folder / MANIFEST).is_file()
    if not is_there:
        here = (path.parent.name for path in workspace.datasets.glob(f"*/{MANIFEST}"))
        there = at.store.folders(workspace.datasets.name) if at else []
        known = [found for found in there if not found.startswith(".")] if at else sorted(here)
        raise WorkspaceError(f"{unknown('dataset', name, known)} (in {shown(workspace.datasets)})")
    return read_dataset(folder)


def dataset_if_there(name: str, workspace: Workspace) -> Dataset | None:
    """Open tfrecords/<name>; None if there is no such dataset.

    Raises:
        ShardError: The dataset is damaged.
        StoreError: The store refuses or does not answer.
    """
    folder = workspace.datasets / name
    fetch_manifest(folder)
    return read_dataset(folder) if (folder / MANIFEST).is_file() else None


def fetch_manifest(folder: Path) -> FolderHead | None:
    """Bring the copy of a dataset in a store up to date, but for its shards, which are fetched when they are read.

    Args:
        folder: Folder of the copy, which need not exist.

    Returns:
        Head of the dataset in the store; None without one, or for a folder that is no copy.

    Raises:
        BusyError: The dataset was replaced in the store, and another command uses the copy.
        ShardError: The manifest is damaged.
        StoreError: The store refuses or does not answer.
    """
    stored = sealed_folder(folder, MANIFEST)
    head = stored.read_head() if stored else None
    if stored and head:
        if stored.is_copy_of(head):
            stored.mend(head, read_manifest(folder).files)
        else:
            _copy(stored, head)
        metric = stored.at.store.read(f"{stored.at.name}/{METRIC}")
        if metric is None:
            (folder / METRIC).unlink(missing_ok=True)
        elif not (folder / METRIC).is_file() or (folder / METRIC).read_bytes() != metric[0]:
            write_whole(folder / METRIC, metric[0])
    return head


def _copy(stored: SealedFolder, head: FolderHead) -> None:
    """Make a copy of the manifest and the files beside the shards, in place of an earlier one."""
    folder = stored.at.path
    in_use = unused(folder / MANIFEST) if (folder / MANIFEST).is_file() else contextlib.nullcontext()
    with locked(folder), in_use, whole_folder(folder) as temporary:
        begun = SealedFolder(dataclasses.replace(stored.at, path=temporary), MANIFEST)
        begun.keep_head(head)
        try:
            files = read_manifest(temporary).files
        except ShardError as error:
            raise ShardError(error.marked.replace(str(temporary), stored.at.url)) from error
        begun.fetch(head, files)
