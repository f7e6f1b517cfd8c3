"""Choice of the engine."""

from __future__ import annotations

from kit.engines.engine import Engine
from kit.engines.local import Local
from kit.engines.machine import core_count
from kit.engines.serial import Serial
from kit.errors import require


def engine_for(workers: int | None) -> Engine:
    """Choose local processes, by default one per core, or this process for a single worker.

    Raises:
        SpecError: There is less than one worker.
    """
    require(workers is None or workers >= 1, f"workers must be 1 or more, got {workers}")
    count = core_count() if workers is None else workers
    return Local(count) if count > 1 else Serial()
