"""The protocol of engines."""

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
        index: Index of the task, from 0.
        value: Return value of the function.
    """

    index: int
    value: Result


class Engine(Protocol):
    """Runs one function on many tasks."""

    def prepare(self, function: Callable[[Task], Result]) -> AbstractContextManager[None]:
        """Start workers that import `function`, while the caller is still preparing its tasks.

        They serve every run until the end of the context.
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
            function: Function that other processes can import by name.
            tasks: Picklable tasks.
            tick: Function called about twice a second while tasks run.
            lost: Function called with the index of a task whose worker died; it is not yielded, and the others go on.

        Raises:
            EngineError: A worker died, and `lost` is not given.
            Exception: An exception of `function`; tasks not yet begun are dropped.
        """
