"""How often the verdicts of a comparison are false: equal arms told apart, and an effect that is there not found.

Runs of one setting and many seeds are dealt into ablations of equal arms, again and again in another order; a verdict
of "better" or "worse" about any of them is false. Likewise runs whose learning rate is ten times too high are dealt
into ablations of two arms, of which the second is worse.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from timing import shard_digits

if TYPE_CHECKING:
    from kit.comparison.trajectory import Trajectory

RUNS, WRONG = 500, 100  # seeds of the setting, and of the one with too high a learning rate
ARMS, SEEDS = 5, 5  # of each ablation
DEALS = 5  # orders in which the runs are dealt
RATE = 0.03  # the best of .01, .03, .1 and .3 for this network
METRIC = "val_accuracy"


def run(scratch: Path) -> None:
    shard_digits(scratch)
    equal, wrong = (_train(scratch, rate, seeds) for rate, seeds in ((RATE, RUNS), (10 * RATE, WRONG)))
    dice = random.Random(0)  # noqa: S311 (the order of the runs)
    same = Counter(verdict for _ in range(DEALS) for verdict in _deal_equal(dice.sample(equal, len(equal))))
    found = Counter(
        verdict
        for _ in range(DEALS)
        for verdict in _deal_wrong(dice.sample(equal, len(wrong)), dice.sample(wrong, len(wrong)))
    )
    total, false = sum(same.values()), same["better"] + same["worse"]
    print(f"\nequal arms, {ARMS} an ablation, {SEEDS} seeds an arm, {RUNS} trainings dealt {DEALS} times")
    print(f"  {false} of {total} verdicts are 'better' or 'worse': {false / total:.1%}")
    print(f"a learning rate of {10 * RATE} beside {RATE}, {SEEDS} seeds, {WRONG} trainings dealt {DEALS} times")
    print(
        f"  {found['worse']} of {sum(found.values())} verdicts are 'worse': {found['worse'] / sum(found.values()):.1%}"
    )


def _train(scratch: Path, rate: float, seeds: int) -> list[Trajectory]:
    import kit
    from kit.ablation import plan_ablation, run_plan

    small = {"train.epochs": 3, "model.filters": "8", "model.kernel": 3, "model.pool": 2, "model.dense": "[]"}
    plan = plan_ablation(
        "digits",
        [],
        recipe="histopathologic-cancer/before",
        settings={**small, "model.bn_momentum": 0.9, "train.learning_rate": rate},
        seeds=seeds,
        design="grid",
        root=scratch,
    )
    run_plan(plan)
    return list(kit.compare(plan.folder).trajectories)


def _deal_equal(runs: Sequence[Trajectory]) -> Iterator[str]:
    each = ARMS * SEEDS
    for start in range(0, len(runs) - each + 1, each):
        dealt = [_as_run(one, number // SEEDS, number % SEEDS) for number, one in enumerate(runs[start : start + each])]
        yield from _verdicts(dealt)


def _deal_wrong(equal: Sequence[Trajectory], wrong: Sequence[Trajectory]) -> Iterator[str]:
    for start in range(0, len(wrong) - SEEDS + 1, SEEDS):
        parts = (equal[start : start + SEEDS], wrong[start : start + SEEDS])
        yield from _verdicts(
            [_as_run(one, arm, seed) for arm, part in enumerate(parts) for seed, one in enumerate(part)]
        )


def _as_run(run: Trajectory, arm: int, seed: int) -> Trajectory:
    return replace(run, arm=f"arm {arm}", seed=seed)


def _verdicts(runs: Sequence[Trajectory]) -> list[str]:
    from kit.comparison.arm_summary import summarize

    return [arm.verdict.outcome for arm in summarize(runs, METRIC)[1:]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
