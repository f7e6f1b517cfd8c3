"""Attempts at tasks whose workers died: counted here, so that every engine gives up at the same point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from kit.engines.engine import Engine, Finished, Result, Task
from kit.errors import EngineError

_LOSSES = 2  # rounds in succession that lose workers and finish nothing: no accident
_ATTEMPTS = 5  # at one task; machines that are taken away and given back lose several, but not always the same


def run_with_retries(
    engine: Engine,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    tick: Callable[[], None] | None = None,
    again: Callable[[list[int]], None] = lambda _: None,
) -> Iterator[Finished[Result]]:
    """Yield the results of all tasks; those whose workers died are run again when the others have finished.

    Args:
        engine: Engine that runs the tasks.
        function: Function that other processes can import by name, and that may be called twice with one task.
        tasks: Picklable tasks.
        tick: Function called about twice a second while tasks run.
        again: Function called with the indices of the tasks of the next attempt, before it begins.

    Raises:
        EngineError: Workers died twice in succession without a result between, or at every attempt at one task.
        Exception: An exception of `function`.
    """
    left = list(range(len(tasks)))
    attempts, losses = Counter[int](), 0
    while left:
        lost: list[int] = []
        for finished in engine.run(function, [tasks[index] for index in left], tick=tick, lost=lost.append):
            yield Finished(left[finished.index], finished.value, finished.node)
        losses = losses + 1 if len(lost) == len(left) else 1
        left = sorted(left[index] for index in lost)
        attempts.update(left)
        if left and (losses == _LOSSES or max(attempts.values()) == _ATTEMPTS):
            raise killed()
        if left:
            again(left)


def killed() -> EngineError:
    """Make the error of workers that died."""
    return EngineError(
        "a worker process was killed (out of memory, or by hand);"
        " run the same command again, with fewer processes at a time if memory was short"
    )
