"""What runs showed, and whether it can be believed."""

from kit.comparison.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
