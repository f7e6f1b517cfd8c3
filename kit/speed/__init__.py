"""How fast this machine feeds a model, and how fast the model learns."""

from kit.speed.bench import bench
from kit.speed.speeds import Speeds

__all__ = ["Speeds", "bench"]
