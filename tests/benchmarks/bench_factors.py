"""How often a grid's effects are false, and how often an effect that is there is found.

Simulated grids of two levels by four: the runs of a seed that share one of the two settings are copies of one training,
and correlate; in half of the simulations the first level of four spreads six times as much as the others, as a momentum
of .99 does. Real grids: trainings of one setting, seen with four momenta of batch norm, are dealt into two arms that
differ in nothing, again and again in another order; a position that matters, or an interaction with it, is false.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from timing import shard_digits

from kit.comparison.repeated_measures import analyse_repeated

Grid: TypeAlias = npt.NDArray[np.float64]  # [seeds, 2, 4]

EFFECTS = {"two levels": (0,), "four levels": (1,), "interaction": (0, 1)}
GRIDS = 4000  # of each simulation
CORRELATIONS, SEEDS, SPREADS = (0, 0.5, 0.9, 0.97), (3, 5, 10), (1, 6)
TRAININGS = {"two": (2, 1), "four": (1, 4)}  # of a seed: one for each of two levels, or one for each of four
SD = 0.01  # of a run
FOUND = 1.5 * SD  # added to the second of two levels, to the last of four, and for an interaction to where both meet
MOMENTA = (0.3, 0.6, 0.8, 0.9)
RUNS, DEALS = 30, 4000  # real seeds of each momentum, and grids of ten of them


def run(scratch: Path) -> None:
    print(f"\nequal levels, {GRIDS:,} grids of 2 x 4 a line, in %: p < .05 and its 95 % interval (Clopper-Pearson)")
    print(_line("trainings", "corr.", "spread", "seeds", *EFFECTS))
    above = dict.fromkeys(SPREADS, 0)
    for trainings, correlation, spread, seeds in product(TRAININGS, CORRELATIONS, SPREADS, SEEDS):
        generator = np.random.default_rng(0)
        grids = [_simulate(generator, seeds, correlation, spread, trainings) for _ in range(GRIDS)]
        counts = [_count(grids, axes) for axes in EFFECTS.values()]
        above[spread] += sum(_interval(count, GRIDS)[0] > 0.05 for count in counts)
        print(_line(trainings, correlation, f"x {spread}", seeds, *(_share(count, GRIDS) for count in counts)))
    each = len(TRAININGS) * len(CORRELATIONS) * len(SEEDS) * len(EFFECTS)
    for spread, count in above.items():
        print(
            f"spread x {spread}: {count} of {each} intervals lie above 5 % (of shares of 5 %, {0.025 * each:.1f} would)"
        )
    print(f"\nan effect of {FOUND / SD:g} standard deviations of a run, correlation .5 within two trainings")
    print(_line("", "", "spread", "seeds", *EFFECTS))
    for spread, seeds in product(SPREADS, SEEDS):
        shares = [_share(_count(_with_effect(axes, spread, seeds), axes), GRIDS) for axes in EFFECTS.values()]
        print(_line("", "", f"x {spread}", seeds, *shares))
    trained = _train(scratch)
    print(f"\n{RUNS} trainings seen with momenta {MOMENTA}, dealt {DEALS:,} times into two equal arms of five seeds")
    correlations = np.corrcoef(trained, rowvar=False)[np.triu_indices(len(MOMENTA), 1)]
    print(f"  momenta of one training correlate {correlations.min():.2f} to {correlations.max():.2f}")
    generator = np.random.default_rng(0)
    dealt = [trained[generator.permutation(RUNS)[:10]].reshape(5, 2, len(MOMENTA)) for _ in range(DEALS)]
    for name in ("two levels", "interaction"):
        print(f"  {name}: {_share(_count(dealt, EFFECTS[name]), DEALS)}")


def _simulate(generator: np.random.Generator, seeds: int, correlation: float, spread: int, trainings: str) -> Grid:
    """Draw a grid without effects, in which the levels of one setting see the same trainings."""
    trained = generator.normal(size=(seeds, *TRAININGS[trainings]))
    own = generator.normal(size=(seeds, 2, 4))
    spreads = SD * np.array([spread, 1, 1, 1])
    return 0.7 + spreads * (np.sqrt(correlation) * trained + np.sqrt(1 - correlation) * own)


def _with_effect(axes: Sequence[int], spread: int, seeds: int) -> Iterator[Grid]:
    generator = np.random.default_rng(1)
    effect = np.zeros((2, 4))
    effect[1 if 0 in axes else slice(None), -1 if 1 in axes else slice(None)] = FOUND
    for _ in range(GRIDS):
        yield _simulate(generator, seeds, 0.5, spread, "two") + effect


def _count(grids: Iterator[Grid] | Sequence[Grid], axes: Sequence[int]) -> int:
    return sum(found is not None and found.p < 0.05 for found in (analyse_repeated(one, axes) for one in grids))


def _interval(count: int, total: int) -> tuple[float, float]:
    interval = binomtest(count, total).proportion_ci()
    return interval.low, interval.high


def _share(count: int, total: int) -> str:
    low, high = (100 * end for end in _interval(count, total))
    return f"{100 * count / total:.1f} [{low:.1f}, {high:.1f}]"


def _line(*cells: object) -> str:
    widths = (10, 6, 7, 6, *[21] * len(EFFECTS))
    return "".join(f"{cell!s:>{width}}" for width, cell in zip(widths, cells, strict=True))


def _train(scratch: Path) -> Grid:
    """Train the digits' network with each momentum: val_accuracy of the last epoch, [seeds, momenta]."""
    import kit
    from kit.ablation import plan_ablation, run_plan

    shard_digits(scratch)
    small = {"train.epochs": 3, "model.filters": "8", "model.kernel": 3, "model.pool": 2, "model.dense": "[]"}
    plan = plan_ablation(
        "digits",
        [kit.parse_axis("model.bn_momentum", ",".join(map(str, MOMENTA)))],
        recipe="histopathologic-cancer/before",
        settings={**small, "train.learning_rate": 0.03},
        seeds=RUNS,
        design="grid",
        root=scratch,
    )
    run_plan(plan)
    values = [run.history().column("val_accuracy")[-1] for arm in plan.arms for run in plan.runs(arm)]
    return np.reshape(values, (len(MOMENTA), RUNS)).T


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
