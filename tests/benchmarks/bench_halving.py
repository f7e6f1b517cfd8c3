"""Successive halving on a grid of 48 arms: what it finds, and how many epochs it takes, beside the whole grid."""

from __future__ import annotations

import math
import statistics
import tempfile
from pathlib import Path

from timing import shard_digits

SEEDS = 3
EPOCHS = 9
AXES = {
    "train.learning_rate": "0.0003,0.001,0.003,0.01",
    "model.bn_momentum": "0.9,0.5",
    "model.filters": "[8],[16]",
    "model.dropout": "0,0.2,0.4",
}


def run(scratch: Path) -> None:
    import kit
    from kit.ablation import Plan, plan_ablation, run_plan

    shard_digits(scratch)
    plan = plan_ablation(
        "digits",
        [kit.parse_axis(path, values) for path, values in AXES.items()],
        recipe="histopathologic-cancer",
        settings={"train.epochs": EPOCHS, "model.kernel": 3, "model.pool": 2, "model.dense": "32"},
        seeds=SEEDS,
        design="grid",
        root=scratch,
    )

    def epochs(plan: Plan) -> int:
        return sum(len(plan.directory(place).history().rows) for place in plan.specs)

    def best(plan: Plan, arm: str) -> list[float]:
        return [max(run.history().column("val_accuracy")) for run in plan.runs(arm)]

    run_plan(plan, halving=True)
    halved = epochs(plan)
    finished = [arm for arm in plan.arms if all(run.is_finished for run in plan.runs(arm))]
    found = max(finished, key=lambda arm: statistics.fmean(best(plan, arm)))
    run_plan(plan)  # goes on to the whole grid
    whole = epochs(plan)
    ranked = sorted(plan.arms, key=lambda arm: -statistics.fmean(best(plan, arm)))
    top, ours = best(plan, ranked[0]), best(plan, found)
    error = statistics.stdev(top) / math.sqrt(SEEDS)
    behind = statistics.fmean(top) - statistics.fmean(ours)
    print(f"\n{len(plan.arms)} arms of {SEEDS} seeds and {EPOCHS} epochs")
    print(f"  epochs taken: {halved:,} of {whole:,}, {halved / whole:.1%}")
    print(f"  best arm of the grid:    {ranked[0]}: {statistics.fmean(top):.4f}, standard error {error:.4f}")
    print(f"  best arm of the halving: {found}: {statistics.fmean(ours):.4f}, place {ranked.index(found) + 1}")
    print(f"  behind by {behind:.4f}, {'within' if behind <= error else 'more than'} one standard error")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
