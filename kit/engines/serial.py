"""The engine that runs tasks one after another in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from kit.engines.engine import Finished, Result, Task


class Serial:
    """Runs tasks serially in this process."""

    is_remote = False
    workers = 1

    def alone(self) -> Serial:
        """Return itself."""
        return self

    def reach(self, folder: Path, files: Sequence[Path] = ()) -> None:
        """Do nothing: there is one machine."""

    def prepare(self, function: Callable[[Task], Result]) -> AbstractContextManager[None]:
        """Do nothing: there are no workers."""
        del function
        return contextlib.nullcontext()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        tick: Callable[[], None] | None = None,
        lost: Callable[[int], None] | None = None,
        stranded: Callable[[int], bool] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield each task's result in order; see `Engine.run`."""
        del lost, stranded  # this process would die itself
        for index, task in enumerate(tasks):
            yield Finished(index, function(task))
            if tick:
                tick()
