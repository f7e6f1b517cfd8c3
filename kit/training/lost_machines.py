"""Trainings on a cluster whose machine or process was lost: how often they are begun again, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

PATIENCE = 180.0
"""Seconds for a file system to release a lost machine's lock; NFS takes 90."""

MOVED = "its machine was lost; it goes on from its checkpoint on another one"
KILLED_TWICE = (
    "was killed twice, the second time with nothing beside it: out of memory, or by hand;"
    " a smaller train.batch_size needs less"
)

_MOST = 3  # times that a training's machine may be lost before the training itself is suspected


class Moves:
    """Counts of the machines that each training has lost."""

    def __init__(self) -> None:
        self._counts = Counter[Hashable]()

    def goes_on(self, training: Hashable) -> bool:
        """Count a lost machine.

        Args:
            training: Name or key of the training.

        Returns:
            Whether the training goes on on another machine: it has lost few so far.
        """
        self._counts[training] += 1
        return self._counts[training] <= _MOST
