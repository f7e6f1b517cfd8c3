"""Ablations: planning arms, seeds and folds, and running them."""

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
