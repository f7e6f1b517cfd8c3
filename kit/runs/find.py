"""Lookup of runs, and of folders of runs, by path or name."""

from __future__ import annotations

import re
from pathlib import Path

from kit.errors import RunError, unknown
from kit.runs.directory import RunDirectory
from kit.runs.stored import fetch_named, stored_names
from kit.storage import shown
from kit.workspace import Workspace

_SPEC = "spec.json"
_DIGITS = re.compile(r"(\d+)")


def find_folder(name: str | Path, workspace: Workspace) -> Path:
    """Find the folder of a run or of several runs by its path or address, or by its name below runs/.

    Raises:
        RunError: There is no such folder; the message gives the nearest name.
    """
    name = fetch_named(name, workspace.runs)
    for path in (Path(name), workspace.runs / name):
        if (path / _SPEC).is_file() or any(path.rglob(_SPEC)):
            return path
    known = {path.parent.relative_to(workspace.runs) for path in workspace.runs.rglob(_SPEC)}
    names = {folder.as_posix() for path in known for folder in (path, *path.parents)} - {"."}
    names |= stored_names(workspace.runs)
    raise RunError(f"{unknown('run', str(name), names)} (in {shown(workspace.runs)})")


def open_run(name: str | Path, workspace: Workspace) -> RunDirectory:
    """Open a run by its path, or by its name below runs/.

    Raises:
        RunError: There is no such run, or it is a folder of several; the message names one of them.
    """
    folder = find_folder(name, workspace)
    if (folder / _SPEC).is_file():
        return RunDirectory(folder)
    inside = sorted(folder.rglob(_SPEC), key=_in_order)
    raise RunError(f"'{name}' holds {len(inside)} runs; name one of them, for example {inside[0].parent}")


def open_runs(name: str | Path, workspace: Workspace) -> list[RunDirectory]:
    """Open a run, or all runs in a folder such as a fold set or an ablation's arm, seed 9 before seed 10.

    Raises:
        RunError: There is no such run, or one in the folder is not finished: the results of the others alone would
            differ from those of the whole folder.
    """
    folder = find_folder(name, workspace)
    if (folder / _SPEC).is_file():
        return [RunDirectory(folder)]
    runs = [RunDirectory(path.parent) for path in sorted(folder.rglob(_SPEC), key=_in_order)]
    if unfinished := [run.path for run in runs if not run.is_finished]:
        raise RunError(
            f"{len(unfinished)} of the {len(runs)} runs in {folder} are not finished, the first of them"
            f" {unfinished[0]}; run their command again, or name the finished ones"
        )
    return runs


def _in_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that orders numbers in names by value."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(str(path))]
