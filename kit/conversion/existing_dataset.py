"""An existing dataset of the requested name: returned, refused or replaced."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import msgspec

from kit.conversion.conversion import Conversion
from kit.datasets.dataset import MANIFEST, Dataset, read_dataset
from kit.datasets.manifest import Manifest
from kit.datasets.verify import verify_bytes
from kit.errors import BusyError, ShardError, option
from kit.locks import locked, unused
from kit.progress import Progress
from kit.specs import setting_paths, value_of
from kit.storage import shown


def existing_dataset(final: Path, conversion: Conversion, progress: Progress, *, force: bool) -> Dataset | None:
    """Return the existing dataset if its inputs and settings are the requested ones; None if it is to be written.

    Raises:
        ShardError: It has other inputs or settings, and `force` is not set.
        WorkspaceError: It is to be replaced, but is in use.
    """
    if not final.exists():
        return None
    _refuse_foreign(final)
    if force:
        with unused(final / MANIFEST):
            return None
    return _same_dataset(final, conversion, progress)


def remove_stale(partial: Path, final: Path) -> None:
    """Remove the temporary folder of a command that was killed after it finished the dataset, unless one is at work."""
    if partial.exists():
        with contextlib.suppress(BusyError), locked(final):
            shutil.rmtree(partial, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace a folder that is not a dataset, even with `force`."""
    if not (folder / MANIFEST).is_file():
        raise ShardError(
            f"{folder} exists and is not a dataset made by kit; move it away, or choose another {option('name')}"
        )


def _same_dataset(folder: Path, conversion: Conversion, progress: Progress) -> Dataset:
    dataset = read_dataset(folder)
    changes = _changes(dataset.manifest, conversion)
    if changes:
        raise ShardError(
            f"{shown(folder)} was made from other inputs or settings: {'; '.join(changes)};"
            f" choose another {option('name')}, or replace it with {option('force', True)}"
        )
    verify_bytes(dataset, progress)
    return dataset


def _changes(manifest: Manifest, conversion: Conversion) -> list[str]:
    """List the inputs and settings of a dataset that differ from the requested ones."""
    changes = differences(manifest.settings, conversion.spec)
    was, now = manifest.target.kind(), conversion.source.target.kind()
    if was != now:
        changes.append(f"target was {was}, is {now}")
    if manifest.source.digest != conversion.info.digest:
        named = differences(manifest.source.spec, conversion.info.spec)
        changes += named or ([] if was != now else ["images, labels or sample submission changed since"])
    return changes


def differences(before: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    """List the settings that differ, with both values."""
    paths = setting_paths(now)
    pairs = ((path, value_of(before, path), value_of(now, path)) for path in paths)
    return [f"{path} was {_said(was)}, is {_said(given)}" for path, was, given in pairs if was != given]


def _said(value: str) -> str:
    return "none" if value == "null" else value
