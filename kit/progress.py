"""How long work reports that it moves; `kit.cli` draws it, the library never does."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """What a caller sees of long work."""

    def start(self, task: str, total: int) -> None:
        """Begin `task`, which takes `total` steps."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move on by `steps`; `note` says what the last ones brought."""

    def finish(self) -> None:
        """End the task begun last."""


class NoProgress:
    """Progress that nobody watches."""

    def start(self, task: str, total: int) -> None:
        """Do nothing."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""


class PrefacedProgress:
    """Progress that says a line once, when the first task begins: not before what could still be refused.

    Args:
        progress: Receiver of everything.
        preface: Line to say; empty for none.
    """

    def __init__(self, progress: Progress, preface: str) -> None:
        self._progress = progress
        self._preface = preface

    def start(self, task: str, total: int) -> None:
        """Begin `task`, and say the line if nobody has."""
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
