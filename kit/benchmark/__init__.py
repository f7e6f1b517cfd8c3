"""How fast this machine feeds a model, and how fast the model learns."""

from kit.benchmark.bench import bench
from kit.benchmark.speeds import Speeds

__all__ = ["Speeds", "bench"]
