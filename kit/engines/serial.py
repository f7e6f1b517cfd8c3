"""One task after another, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kit.engines.engine import Finished, Result, Task


class Serial:
    """The engine that needs nothing."""

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        tick: Callable[[], None] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield each task's result in order; see `Engine.run`."""
        for index, task in enumerate(tasks):
            yield Finished(index, function(task))
            if tick:
                tick()
