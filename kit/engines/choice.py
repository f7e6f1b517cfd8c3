"""Which engine runs where nobody says so."""

from __future__ import annotations

from kit.engines.engine import Engine
from kit.engines.local import Local
from kit.engines.machine import core_count
from kit.engines.serial import Serial
from kit.errors import require


def engine_for(workers: int | None) -> Engine:
    """Choose processes of this machine, one a core unless `workers` says otherwise; this one where one is enough.

    Raises:
        SpecError: fewer than one worker.
    """
    require(workers is None or workers >= 1, f"workers must be 1 or more, got {workers}")
    count = core_count() if workers is None else workers
    return Local(count) if count > 1 else Serial()
