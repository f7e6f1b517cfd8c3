"""Arms times seeds (times folds): which they are, and how they are run."""

from kit.ablation.ablate import ablate, run_plan
from kit.ablation.ablation import Ablation
from kit.ablation.arms import Arm, Axis, parse_axis
from kit.ablation.plan import Plan, plan_ablation

__all__ = [
    "Ablation",
    "Arm",
    "Axis",
    "Plan",
    "ablate",
    "parse_axis",
    "plan_ablation",
    "run_plan",
]
