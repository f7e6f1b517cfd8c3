"""The engine that runs tasks one after another in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from kit.engines.engine import Finished, Result, Task


class Serial:
    """Runs tasks serially in this process."""

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
    ) -> Iterator[Finished[Result]]:
        """Yield each task's result in order; see `Engine.run`."""
        del lost  # this process would die itself
        for index, task in enumerate(tasks):
            yield Finished(index, function(task))
            if tick:
                tick()
