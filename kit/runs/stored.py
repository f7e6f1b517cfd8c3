"""Runs in an object store: finished ones, states to resume from, fold sets, and the notes of ablations."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import msgspec

from kit.errors import BusyError, RunError, SpecError, StoreConflictError, StoreError
from kit.files import settle, write_whole
from kit.locks import locked
from kit.names import checked_name
from kit.runs.directory import BEGIN, RESULT, Position, RunDirectory
from kit.runs.fold_set import FOLDS, FoldSet
from kit.storage import FolderHead, SealedFolder, fetch_note, mirrored, name_below, sealed_folder

ABLATION = "ablation.json"

_WEIGHTS = ".weights.h5"
_STATES = "unfinished"  # folder of a run in the store for the files to resume it from, in one archive
_STATE = re.compile(r"epoch-(\d{5})-step-(\d{7})\.tar")
_NOTES = 1 << 20  # bytes of the beginning of a state: more than its settings, history and notes, which come first
_AT_ONCE = 8  # runs fetched at a time: small files, whose requests mostly wait

_logger = logging.getLogger(__name__)


def fetch_run(run: RunDirectory) -> None:
    """Bring the copy of a run up to date with the store of its workspace; nothing without a store.

    A finished run is fetched but for its weights, which are fetched when they are read; of an unfinished one, the files
    to resume it from, if they are further than the copy. A run that is finished here only is uploaded.

    Raises:
        BusyError: Another process is training the run.
        StoreError: The store refuses, does not answer, or has other bytes.
    """
    if not (stored := run.stored):
        return
    head = stored.read_head()
    if head:
        if stored.is_copy_of(head):
            stored.mend(head, _without_weights(_hashes(stored, head)))
        else:
            with locked(run.path):
                _copy(run, stored, head)
    elif run.is_finished:
        upload_run(run)
    else:
        _fetch_state(run, stored)


def upload_run(run: RunDirectory) -> None:
    """Upload a finished run, its result last; nothing without a store.

    If another machine finished the same run first, its files take the place of these.

    Raises:
        StoreError: The store refuses or does not answer; the run's command resumes the upload.
    """
    if not (stored := run.stored):
        return
    try:
        stored.upload(run.result().files)
    except StoreConflictError:
        ours, theirs = stored.copied_head(), stored.read_head()
        if ours is None or theirs is None or ours.version == theirs.version:
            return
        _logger.warning("%s was finished by another machine first; its files replace those here", stored.at.url)
        stored.remove_version(ours.version)
        _copy(run, stored, theirs)
    _remove_states(stored)


def keep_state(run: RunDirectory) -> None:
    """Upload what an unfinished run is resumed from on any machine, and its note if it failed or was pruned.

    Nothing is uploaded without a store, before there is a checkpoint or a note, or if another machine's state is
    further. A state that cannot be uploaded is reported, and the training goes on: the next one takes its place.
    """
    if not (stored := run.stored) or run.is_finished:
        return
    newest = next(iter(run.checkpoints()), BEGIN)
    if newest == BEGIN and not (run.failure or run.pruned):
        return
    try:
        _upload_state(run, stored, newest)
    except (StoreError, OSError) as error:  # OSError: the disk has no room for the archive
        _logger.warning("%s: its state is not in the store yet: %s", stored.at.url, error)


def fetch_folds(fold_set: FoldSet) -> FolderHead | None:
    """Fetch the finished runs of a fold set, which any machine may have trained; nothing without a store.

    Returns:
        Head of their joint predictions so far, for `upload_folds`; None without one.

    Raises:
        StoreError: The store refuses, does not answer, or has other bytes.
    """
    stored = _stored_folds(fold_set)
    before = stored.read_head() if stored else None
    fetch_runs(fold_set.path)
    return before


def upload_folds(fold_set: FoldSet, before: FolderHead | None) -> bool:
    """Upload what the runs of a fold set predicted together, unless another machine has since `fetch_folds`.

    Returns:
        Whether it is uploaded, or there is no store.

    Raises:
        StoreError: The store refuses or does not answer.
    """
    if stored := _stored_folds(fold_set):
        try:
            stored.upload(fold_set.result().files, before=before)
        except StoreConflictError:
            return False
    return True


def upload_runs(folder: Path) -> None:
    """Upload the finished runs in a folder that the store lacks, as their upload failed; nothing without a store.

    Raises:
        StoreError: The store refuses or does not answer.
    """
    if not (at := mirrored(folder)):
        return
    there = {found.name for found in at.store.objects(at.name)}
    for result in sorted(folder.rglob(RESULT)):
        run = RunDirectory(result.parent)
        if run.is_finished and run.stored and f"{run.stored.at.name}/{RESULT}" not in there:
            upload_run(run)


def fetch_runs(folder: Path) -> None:
    """Fetch all finished runs, fold sets and notes of ablations in a folder; nothing without a store.

    Of unfinished runs, the settings, the history and the note of a failure or of pruning are fetched.

    Args:
        folder: Folder of a run or of several, which need not exist.

    Raises:
        StoreError: The store refuses, does not answer, or has other bytes.
    """
    if not (at := mirrored(folder)):
        return
    heads = [PurePosixPath(found.name) for found in at.store.objects(at.name)]
    finished = {head.parent for head in heads if head.name == RESULT}
    top = folder.parents[len(PurePosixPath(at.name).parts) - 1]

    def fetch(head: PurePosixPath) -> None:
        here = top / head
        if head.name == RESULT:
            with contextlib.suppress(BusyError):  # it is being trained here, and stays as it is
                fetch_run(RunDirectory(here.parent))
        elif match := _state_of_run(head):
            with contextlib.suppress(BusyError):
                _fetch_notes(RunDirectory(here.parents[1]), _position(match))
        elif head.name == FOLDS:
            _fetch_folds(FoldSet(here.parent))
        else:
            fetch_note(here)

    wanted = [
        head
        for head in heads
        if head.name in {RESULT, FOLDS, ABLATION} or (_state_of_run(head) and head.parents[1] not in finished)
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(fetch, wanted):
            pass


def fetch_named(name: str | Path, runs: Path) -> str | Path:
    """Fetch what a name below runs/ or an address stands for; see `fetch_runs`.

    Args:
        name: Path or address, or name below `runs`.
        runs: Folder runs/ of a workspace.

    Returns:
        The name below `runs` where an address is given; any other as it is.
    """
    name = name_below(runs, name)
    if not Path(name).exists():
        fetch_runs(runs / name)
    return name


def stored_names(runs: Path) -> set[str]:
    """List the names of runs, ablations and fold sets in the store of a folder; none without a store."""
    at = mirrored(runs)
    return set(at.store.folders(at.name)) if at else set()


def _copy(run: RunDirectory, stored: SealedFolder, head: FolderHead) -> None:
    """Replace a copy by a finished run, but for its weights; those of an unfinished one are removed."""
    run.path.mkdir(parents=True, exist_ok=True)
    hashes = _hashes(stored, head)
    (run.path / RESULT).unlink(missing_ok=True)
    for weights in run.path.glob(f"*{_WEIGHTS}"):
        if not stored.holds(weights.name, hashes.get(weights.name, "")):
            weights.unlink()
    stored.fetch(head, _without_weights(hashes))
    stored.keep_head(head)


class _Proved(msgspec.Struct):
    """The part of a result that proves the files beside it."""

    files: dict[str, str] = {}


def _hashes(stored: SealedFolder, head: FolderHead) -> dict[str, str]:
    """Read the hashes of the files that a result proves, by name.

    Raises:
        RunError: The result is damaged, or names files elsewhere.
    """
    try:
        files = msgspec.json.decode(head.data, type=_Proved).files
        for name in files:
            checked_name(name, "file")
    except (msgspec.MsgspecError, UnicodeDecodeError, SpecError) as error:
        raise RunError(
            f"{stored.at.url}/{stored.head} is damaged: {error}; remove it there, and run its command again"
        ) from error
    return files


def _without_weights(hashes: Mapping[str, str]) -> dict[str, str]:
    return {name: expected for name, expected in hashes.items() if not name.endswith(_WEIGHTS)}


def _fetch_state(run: RunDirectory, stored: SealedFolder) -> None:
    newest = max(_stored_states(stored), default=BEGIN)
    if newest <= next(iter(run.checkpoints()), BEGIN):
        return
    run.path.mkdir(parents=True, exist_ok=True)
    with locked(run.path), tempfile.TemporaryDirectory(dir=run.path, prefix=".state-") as folder:
        archive = Path(folder) / _state_name(newest)
        try:
            stored.at.store.download(f"{_states(stored)}/{archive.name}", archive, None)
        except FileNotFoundError:  # finished, or newer ones were uploaded meanwhile
            return
        _unpack(archive, run, newest)


def _upload_state(run: RunDirectory, stored: SealedFolder, newest: Position) -> None:
    others = _stored_states(stored)
    if any(newest < position for position in others):
        return
    with tempfile.TemporaryDirectory(dir=run.path, prefix=".state-") as folder:
        archive = Path(folder) / _state_name(newest)
        with tarfile.open(archive, "w") as tar:
            for path in run.state(newest):
                tar.add(path, path.name)
        stored.at.store.upload(archive, f"{_states(stored)}/{archive.name}")
    stored.at.store.remove([f"{_states(stored)}/{_state_name(other)}" for other in others if other != newest])


def _stored_states(stored: SealedFolder) -> list[Position]:
    """List the positions with a state in the store."""
    found = (_STATE.fullmatch(each.name.rpartition("/")[2]) for each in stored.at.store.objects(_states(stored)))
    return [_position(match) for match in found if match]


def _position(match: re.Match[str]) -> Position:
    return Position(int(match[1]), int(match[2]))


def _state_of_run(name: PurePosixPath) -> re.Match[str] | None:
    return _STATE.fullmatch(name.name) if name.parent.name == _STATES else None


def _fetch_notes(run: RunDirectory, newest: Position) -> None:
    """Fetch the files of an unfinished run that are not weights, unless the copy is as far."""
    stored, here = run.stored, next(iter(run.checkpoints()), BEGIN)
    if not stored or run.is_finished or (run.has_begun and newest <= here):
        return
    beginning = stored.at.store.read_beginning(f"{_states(stored)}/{_state_name(newest)}", _NOTES)
    if beginning is None:  # finished, or newer ones were uploaded meanwhile
        return
    notes = _read_notes(beginning)
    run.path.mkdir(parents=True, exist_ok=True)
    with locked(run.path):
        for path in run.notes:
            if path.name in notes:
                write_whole(path, notes[path.name])
            else:
                path.unlink(missing_ok=True)


def _read_notes(beginning: bytes) -> dict[str, bytes]:
    """Read the files of an archive, of which the beginning is known, up to the first weights."""
    notes: dict[str, bytes] = {}
    with contextlib.suppress(tarfile.TarError, EOFError), tarfile.open(fileobj=io.BytesIO(beginning)) as tar:
        for member in tar:
            if member.name.endswith(_WEIGHTS) or not (source := tar.extractfile(member)):
                break
            notes[member.name] = source.read()
    return notes


def _unpack(archive: Path, run: RunDirectory, newest: Position) -> None:
    """Take the known files of an archive, the checkpoint last."""
    try:
        with tarfile.open(archive) as tar:
            members = {member.name: member for member in tar.getmembers() if member.isfile()}
            for path in run.state(newest, exists=False):
                if (member := members.get(path.name)) and (source := tar.extractfile(member)):
                    part = archive.with_name(path.name)
                    with part.open("xb") as file:
                        shutil.copyfileobj(source, file)
                    settle(part, path)
    except (tarfile.TarError, EOFError) as error:
        raise RunError(f"the state of {run.path} in the store is damaged: {error}; remove it there") from error


def _states(stored: SealedFolder) -> str:
    return f"{stored.at.name}/{_STATES}"


def _state_name(at: Position) -> str:
    return f"epoch-{at.epochs:05d}-step-{at.steps:07d}.tar"


def _remove_states(stored: SealedFolder) -> None:
    stored.at.store.remove([found.name for found in stored.at.store.objects(_states(stored))])


def _stored_folds(fold_set: FoldSet) -> SealedFolder | None:
    return sealed_folder(fold_set.path, FOLDS)


def _fetch_folds(fold_set: FoldSet) -> None:
    stored = _stored_folds(fold_set)
    head = stored.read_head() if stored else None
    if not stored or not head:
        return
    if stored.is_copy_of(head):
        stored.mend(head, _hashes(stored, head))
    else:
        with locked(fold_set.path):
            (fold_set.path / FOLDS).unlink(missing_ok=True)
            stored.fetch(head, _hashes(stored, head))
            stored.keep_head(head)
