"""Comparisons of runs, with statistical tests."""

from kit.comparison.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
