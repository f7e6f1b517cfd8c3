"""Engines that run tasks; planning and resuming are up to the caller."""

from kit.engines.choice import engine_for
from kit.engines.engine import Engine, Finished
from kit.engines.local import Local
from kit.engines.machine import core_count, gpus, lacks_gpus
from kit.engines.part import Part
from kit.engines.serial import Serial

__all__ = [
    "Engine",
    "Finished",
    "Local",
    "Part",
    "Serial",
    "core_count",
    "engine_for",
    "gpus",
    "lacks_gpus",
]
