"""Throughput of the input pipeline and of the model on this machine."""

from kit.benchmark.bench import bench
from kit.benchmark.speeds import Speeds

__all__ = ["Speeds", "bench"]
