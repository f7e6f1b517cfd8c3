"""A dataset that exists under the name that is asked for: the same one, another one, or one to replace."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from kit.conversion.conversion import Conversion
from kit.datasets.dataset import MANIFEST, Dataset, read_dataset
from kit.datasets.manifest import Manifest
from kit.datasets.verify import verify_bytes
from kit.errors import ShardError, option
from kit.files import locked, unused
from kit.progress import Progress
from kit.specs import setting_paths, value_of


def existing_dataset(final: Path, conversion: Conversion, progress: Progress, *, force: bool) -> Dataset | None:
    """Return the dataset that stands there if it is the one that is asked; None if one is to be written.

    Raises:
        ShardError: It is another one, and `force` is not set.
        WorkspaceError: It is to be replaced, and in use.
    """
    if not final.exists():
        return None
    _refuse_foreign(final)
    if force:
        with unused(final / MANIFEST):
            return None
    return _same_dataset(final, conversion, progress)


def remove_stale(partial: Path, final: Path) -> None:
    """Remove what a command that was killed at its very end has left beside the finished dataset."""
    if partial.exists():
        with locked(final):
            shutil.rmtree(partial, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    """Leave alone what kit did not write, whatever is forced."""
    if not (folder / MANIFEST).is_file():
        raise ShardError(
            f"{folder} exists and is not a dataset of kit's; move it away, or choose another {option('name')}"
        )


def _same_dataset(folder: Path, conversion: Conversion, progress: Progress) -> Dataset:
    dataset = read_dataset(folder)
    changes = _changes(dataset.manifest, conversion)
    if changes:
        raise ShardError(
            f"{folder} was made from other inputs or settings: {'; '.join(changes)};"
            f" choose another {option('name')}, or replace it with {option('force', True)}"
        )
    verify_bytes(dataset, progress)
    return dataset


def _changes(manifest: Manifest, conversion: Conversion) -> list[str]:
    """Say what a dataset was made with that is not asked now."""
    changes = _differences(manifest.settings, conversion.spec)
    was, now = manifest.target.kind(), conversion.source.target.kind()
    if was != now:
        changes.append(f"target was {was}, is {now}")
    if manifest.source.digest != conversion.info.digest:
        named = _differences(manifest.source.spec, conversion.info.spec)
        changes += named or ([] if was != now else ["images, labels or sample submission changed since"])
    return changes


def _differences(before: msgspec.Struct, now: msgspec.Struct) -> list[str]:
    paths = setting_paths(now)
    pairs = ((path, value_of(before, path), value_of(now, path)) for path in paths)
    return [f"{path} was {_said(was)}, is {_said(given)}" for path, was, given in pairs if was != given]


def _said(value: str) -> str:
    return "none" if value == "null" else value
