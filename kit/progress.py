"""How long work reports that it moves; `kit.cli` draws it, the library never does."""

from __future__ import annotations

from typing import Protocol


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


NO_PROGRESS = NoProgress()
