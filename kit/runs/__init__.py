"""Run directories, which hold the whole state of a training, and fold sets."""

from kit.runs.directory import BEGIN, Position, Pruned, RunDirectory, RunFailure, RunResult
from kit.runs.find import find_folder, open_run, open_runs
from kit.runs.fold_set import FoldSet
from kit.runs.history import History
from kit.runs.snapshot import RunSnapshot

__all__ = [
    "BEGIN",
    "FoldSet",
    "History",
    "Position",
    "Pruned",
    "RunDirectory",
    "RunFailure",
    "RunResult",
    "RunSnapshot",
    "find_folder",
    "open_run",
    "open_runs",
]
