"""Engines that run tasks; planning and resuming are up to the caller."""

from kit.engines.attempts import run_with_retries
from kit.engines.choice import LOCAL, check_engine, engine_for, new_cluster
from kit.engines.cluster_node import Share
from kit.engines.engine import Engine, Finished
from kit.engines.local import Local
from kit.engines.machine import core_count, gpus, lacks_gpus
from kit.engines.node import Node
from kit.engines.part import Part
from kit.engines.ray import Ray
from kit.engines.serial import Serial

__all__ = [
    "LOCAL",
    "Engine",
    "Finished",
    "Local",
    "Node",
    "Part",
    "Ray",
    "Serial",
    "Share",
    "check_engine",
    "core_count",
    "engine_for",
    "gpus",
    "lacks_gpus",
    "new_cluster",
    "run_with_retries",
]
