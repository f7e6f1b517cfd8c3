"""The run directory: the only state that a training has."""

from kit.runs.directory import Halt, RunDirectory, RunFailure, RunResult, open_run
from kit.runs.history import History

__all__ = ["Halt", "History", "RunDirectory", "RunFailure", "RunResult", "open_run"]
