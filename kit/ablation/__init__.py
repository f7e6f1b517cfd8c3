"""Arms times seeds, and what they showed."""

from kit.ablation.comparison import Comparison, compare
from kit.ablation.grid import Arm, Axis, parse_axis
from kit.ablation.schedule import Ablation, ablate

__all__ = ["Ablation", "Arm", "Axis", "Comparison", "ablate", "compare", "parse_axis"]
