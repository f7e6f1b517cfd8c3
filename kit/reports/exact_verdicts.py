"""A comparison's tables of verdicts with every digit, one value per cell."""

from __future__ import annotations

from kit.comparison import Comparison
from kit.comparison.pairing import Shared, Side
from kit.reports.table import Table, exact
from kit.reports.verdicts import shown_arms
from kit.runs.mean_and_sd import MeanAndSD

_FIGURES = ("last", "best", "accuracy", "val_accuracy", "loss", "val_loss", "gap", "volatility", "seconds_per_epoch")
_TEST = ("mean", "low", "high", "p", "p_holm", "probability", "n", "method", "further_seeds")
_SIDE = (*(f"{name}_{part}" for name in ("last", "best") for part in ("mean", "sd")), "base_rate", "left_out")
_SHARED = ("pairs", "pairs_of", *(f"{side}_{name}" for side in ("paired", "reference") for name in _SIDE))


def exact_table(comparison: Comparison) -> Table:
    """Build both tables as one, with every digit and one value per cell."""
    images = {found.arm: found for found in comparison.images}
    columns = ["arm", "n", "metric"]
    columns += [f"{name}_{part}" for name in _FIGURES for part in ("mean", "sd")]
    columns += [f"difference_{part}" for part in _TEST]
    columns += ["outcome", "verdict", "parameters"]
    columns += ["seed", "images", "only_here", "only_baseline", "p_mcnemar"]
    columns += ["base_rate", *_SHARED]
    rows = []
    for arm in shown_arms(comparison, None):
        found = images.get(arm.name)
        values: list[object] = [arm.name, arm.n, comparison.metric]
        for name in _FIGURES:
            values += _mean_and_sd(getattr(arm, name))
        values += [getattr(arm.difference, part, None) for part in _TEST]
        values += [arm.verdict.outcome, arm.verdict.words, arm.parameters]
        values += [found.seed, found.images, found.only_here, found.only_baseline, found.p] if found else [None] * 5
        values += [arm.base_rate, *_exact_shared(arm.shared)]
        rows.append(tuple(map(exact, values)))
    return Table("", tuple(columns), tuple(rows))


def exact_steps(comparison: Comparison) -> Table:
    """Compare each arm with the previous one, with every digit."""
    columns = ("arm", "reference", "metric", *_SHARED, *(f"difference_{part}" for part in _TEST), "outcome", "verdict")
    rows = [
        (
            step.arm,
            step.reference,
            comparison.metric,
            *_exact_shared(step.shared),
            *(getattr(step.difference, part, None) for part in _TEST),
            step.verdict.outcome,
            step.verdict.words,
        )
        for arm in comparison.arms
        if (step := arm.step)
    ]
    return Table("", columns, tuple(tuple(map(exact, row)) for row in rows))


def _exact_shared(shared: Shared | None) -> list[object]:
    if shared is None:
        return [None] * len(_SHARED)
    return [shared.n, shared.of, *_exact_side(shared.arm), *_exact_side(shared.reference)]


def _exact_side(side: Side) -> list[object]:
    """List an arm's figures over the pairs, and the seeds left out: 3, or with folds 3/0."""
    left_out = (str(seed) if fold is None else f"{seed}/{fold}" for seed, fold in side.left_out)
    return [*_mean_and_sd(side.last), *_mean_and_sd(side.best), side.base_rate, " ".join(left_out)]


def _mean_and_sd(figure: MeanAndSD | None) -> list[object]:
    return [None, None] if figure is None else [figure.mean, figure.sd]
