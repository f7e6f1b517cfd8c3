"""Arms times seeds (times folds): which they are, and how they are run."""

from kit.ablation.ablate import ablate, run_plan
from kit.ablation.arms import Arm, Axis, parse_axis
from kit.ablation.plan import Ablation, Plan, plan_ablation
from kit.ablation.scheduler import Ran

__all__ = [
    "Ablation",
    "Arm",
    "Axis",
    "Plan",
    "Ran",
    "ablate",
    "parse_axis",
    "plan_ablation",
    "run_plan",
]
