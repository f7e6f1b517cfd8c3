"""The run directory: the only state that a training has."""

from kit.runs.directory import RunDirectory, RunResult, open_run
from kit.runs.history import History

__all__ = ["History", "RunDirectory", "RunResult", "open_run"]
