"""Arms times seeds, and what they showed."""

from kit.ablation.comparison import Comparison, compare
from kit.ablation.grid import Arm, Axis, parse_axis
from kit.ablation.schedule import Ablation, Plan, ablate, plan_ablation, run_plan

__all__ = [
    "Ablation",
    "Arm",
    "Axis",
    "Comparison",
    "Plan",
    "ablate",
    "compare",
    "parse_axis",
    "plan_ablation",
    "run_plan",
]
