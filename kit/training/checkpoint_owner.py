"""Owner of a checkpoint: its run, position, and history up to there."""

from __future__ import annotations

import contextlib
from pathlib import Path

import h5py

from kit.errors import RunError
from kit.runs import BEGIN, History, Position, RunDirectory

OWNER = "written_by"  # group in the file, beside Keras' own
_LINES = "lines"  # digest of the history up to the position, including the header


def owner(directory: RunDirectory, at: Position, history: str) -> dict[str, object]:
    """Make the attributes by which a checkpoint names its owner."""
    return {"run": directory.identity, "epochs": at.epochs, "steps": at.steps, _LINES: history}


def refuse_foreign(path: Path, directory: RunDirectory, at: Position, history: History) -> None:
    """Refuse a checkpoint of another run or position, and a changed history; older checkpoints do not name an owner.

    Raises:
        RunError: The checkpoint does not belong to the run, the position or the history.
    """
    with contextlib.suppress(OSError), h5py.File(path) as file:
        said = dict(file[OWNER].attrs) if OWNER in file else {}
        lines = History(history.path, history.rows[: at.epochs]).digest()
        differing = [name for name, value in owner(directory, at, lines).items() if said.get(name, value) != value]
        if differing == [_LINES]:
            raise RunError(
                f"{history.path} was changed since {path.name} was written; restore it, or remove the folder"
                f" {directory.path} and run its command again"
            )
        if differing:
            raise RunError(f"{path} is of another run or another epoch; remove it and run the command again")


def owned_history(directory: RunDirectory) -> History:
    """Read the history of a run; of an unfinished run, only the epochs up to its newest checkpoint.

    Raises:
        RunError: The history was changed, or is no history.
    """
    history = directory.history()
    if directory.is_finished:
        return history
    newest = next(iter(directory.checkpoints()), BEGIN)
    if newest != BEGIN and newest.epochs <= len(history.rows):
        refuse_foreign(directory.checkpoint(newest), directory, newest, history)
    return History(history.path, history.rows[: newest.epochs])
