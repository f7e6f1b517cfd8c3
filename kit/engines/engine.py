"""What every engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """A task's result.

    Attributes:
        index: which of the tasks, from 0.
        value: what the function returned.
    """

    index: int
    value: Result


class Engine(Protocol):
    """Runs one function on many tasks."""

    def prepare(self, function: Callable[[Task], Result]) -> AbstractContextManager[None]:
        """Start workers that have `function` at hand, while the caller is still finding its tasks.

        They serve every run until the context ends, and stop then.
        """

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        *,
        tick: Callable[[], None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield results as they finish, in any order.

        Args:
            function: importable by name, so that another process finds it.
            tasks: picklable.
            tick: called about twice a second while tasks run.
            lost: called with the index of a task whose worker died; the others go on, and it is not yielded.

        Raises:
            EngineError: a worker died, and nobody asked about `lost` tasks.
            Exception: what `function` raised; tasks not yet begun are dropped.
        """
