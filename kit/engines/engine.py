"""The protocol of engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from kit.engines.node import Node

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """A task's result.

    Attributes:
        index: Index of the task, from 0.
        value: Return value of the function.
        node: Machine that ran it; None for this one.
    """

    index: int
    value: Result
    node: Node | None = None


class Engine(Protocol):
    """Runs one function on many tasks."""

    @property
    def is_remote(self) -> bool:
        """Whether tasks run on other machines, too, which reach files over a network."""

    @property
    def workers(self) -> int:
        """Number of tasks at a time."""

    def alone(self) -> Engine:
        """Make an engine that runs one task at a time, with nothing of this one beside it."""

    def reach(self, folder: Path, files: Sequence[Path] = ()) -> None:
        """Check that every machine of the engine sees the same files as this process.

        Args:
            folder: Folder that this process may write to.
            files: Other files, which are looked at only.

        Raises:
            EngineError: A machine does not.
        """

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
        stranded: Callable[[int], bool] | None = None,
    ) -> Iterator[Finished[Result]]:
        """Yield results as they finish, in any order.

        Args:
            function: Function that other processes can import by name.
            tasks: Picklable tasks.
            tick: Function called about twice a second while tasks run.
            lost: Function called with the index of a task whose worker died; it is not yielded, and the others go on.
            stranded: Function called instead of `lost` if the worker's whole machine was lost, which is not the task's
                fault; it returns whether the task is run again, on another one.

        Raises:
            EngineError: A worker died, and `lost` is not given.
            Exception: An exception of `function`; tasks not yet begun are dropped.
        """
