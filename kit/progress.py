"""Progress of long tasks: the library reports it, and only `kit.cli` draws it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Receiver of the progress of long tasks."""

    def start(self, task: str, total: int) -> None:
        """Begin a task of `total` steps."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Advance by `steps`, with an optional note on them."""

    def finish(self) -> None:
        """End the last task."""


class NoProgress:
    """Progress that is ignored."""

    def start(self, task: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class PrefacedProgress:
    """Progress with a line that is reported once, when the first task begins, after all checks.

    Args:
        progress: Receiver of the tasks and the line.
        preface: Line to report; empty for none.
    """

    def __init__(self, progress: Progress, preface: str) -> None:
        self._progress = progress
        self._preface = preface

    def start(self, task: str, total: int) -> None:
        """Begin a task, and report the line if it is the first."""
        self._progress.start(task, total)
        if self._preface:
            self._progress.advance(0, self._preface)
            self._preface = ""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Pass on."""
        self._progress.advance(steps, note)

    def finish(self) -> None:
        """Pass on."""
        self._progress.finish()


NO_PROGRESS = NoProgress()
