"""A run as it was when a call opened it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path

from kit.runs.directory import RunDirectory, RunResult
from kit.specs import RunSpec


@dataclass(frozen=True)
class RunSnapshot(RunDirectory):
    """A run whose settings and result are read and checked once, and its files hashed once while they stay as they are.

    It serves a call that asks a run many things, such as `kit.predict`. A run that is being trained changes; ask its
    `RunDirectory`.
    """

    _hashes: dict[tuple[Path, int, int, int], str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, run: RunDirectory) -> RunSnapshot:
        """Open a run; a snapshot is returned as it is.

        Args:
            run: Run to open.
        """
        return run if isinstance(run, cls) else cls(run.path)

    @functools.cached_property
    def is_finished(self) -> bool:
        """Whether the run had its result when it was first asked."""
        return super().is_finished

    def result(self) -> RunResult:
        """Give the run's result; see `RunDirectory.result`."""
        return self._result

    def spec(self) -> RunSpec:
        """Give the run's settings; see `RunDirectory.spec`."""
        return self._spec

    def hash_of(self, file: Path) -> str:
        """Hash a file of the run, unless it was hashed before and has not changed since."""
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
