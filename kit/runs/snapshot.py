"""Snapshots of runs for the duration of a call."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path

from kit.runs.directory import RunDirectory, RunResult
from kit.specs import RunSpec


@dataclass(frozen=True)
class RunSnapshot(RunDirectory):
    """A run whose settings and result are read and checked once, and whose files are hashed once until they change.

    It serves a call that reads a run several times, such as `kit.predict`. For a run that is being trained, use
    `RunDirectory`.
    """

    _hashes: dict[tuple[Path, int, int, int], str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, run: RunDirectory) -> RunSnapshot:
        """Open a run; a snapshot is returned unchanged.

        Args:
            run: Run to open.
        """
        return run if isinstance(run, cls) else cls(run.path)

    @functools.cached_property
    def is_finished(self) -> bool:
        """Whether the run had its result at the first access."""
        return super().is_finished

    def result(self) -> RunResult:
        """Return the run's result; see `RunDirectory.result`."""
        return self._result

    def spec(self) -> RunSpec:
        """Return the run's settings; see `RunDirectory.spec`."""
        return self._spec

    def hash_of(self, file: Path) -> str:
        """Hash a file of the run, unless its hash is known and the file unchanged."""
        stat = file.stat()
        key = (file, stat.st_size, stat.st_ino, stat.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = super().hash_of(file)
        return self._hashes[key]

    @functools.cached_property
    def _result(self) -> RunResult:
        return super().result()

    @functools.cached_property
    def _spec(self) -> RunSpec:
        return super().spec()
