"""Compares one run of an arm with the baseline's on the same validation images: about images, not trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.comparison.chosen_metric import kept_predictions
from kit.comparison.trajectory import Trajectory, on_train
from kit.errors import RunError
from kit.metrics.auc import area_under_roc
from kit.significance import LEVEL
from kit.targets import Target

RESAMPLES = 9999  # resamples with few images and arms
_FEWEST_RESAMPLES = 999  # fewest resamples: the ends of a 95 % interval are still 25 resamples deep
_DRAWN = 100_000_000  # images in the resamples of all arms together, for a few seconds
_AT_ONCE = 2_000_000  # resampled images in memory at a time
_SEED = 0  # seed of the resampling: equal runs give equal intervals
MOST_ARMS = 12  # arms to read predictions of; of more, those with the best figures
_TWO = 2  # classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure of an arm, and its difference from the baseline with an interval over images.

    Attributes:
        value: Value for the arm.
        difference: Difference from the baseline.
        low: Lower end of the difference's 95 % interval over resampled images (Efron 1979).
        high: Upper end of that interval.
    """

    value: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDifference:
    """One run of an arm compared with one of the baseline on the same validation images, with their evaluated weights.

    Attributes:
        arm: Name of the arm.
        weights: Epoch of the weights, "best" or "last"; both if the arms differ.
        seed: Lowest common seed; the seed of the arm's run if both have a single run with different seeds.
        fold: Lowest common fold; None for the dataset's own validation split.
        images: Number of common images.
        accuracy: Share of images whose class or grade, as decided, is the true one.
        auc: Area under the ROC curve of the second of two classes; None unless the metric is an AUC.
        only_here: Number of images correct in the arm and wrong in the baseline.
        only_baseline: Number of images correct in the baseline and wrong in the arm.
        p: P value of McNemar's exact test (1947) that both kinds are equally likely, for this arm alone.
    """

    arm: str
    weights: str
    seed: int
    fold: int | None
    images: int
    accuracy: Spread
    auc: Spread | None
    only_here: int
    only_baseline: int
    p: float


def compare_images(
    arms: Sequence[tuple[str, Sequence[Trajectory]]],
    metric: str,
    targets: Mapping[tuple[str, str], Target] = MappingProxyType({}),
) -> tuple[list[ImageDifference], list[str], int]:
    """Compare one run of each arm with the first arm's run of the same seed and fold, image by image.

    If both have a single run, these two are compared, regardless of their seeds. Only classes and
    grades are compared: a decision about them is right or wrong.

    Args:
        arms: Names and runs of the arms, the baseline first, the others from best to worst.
        metric: Metric by Keras' name; with an AUC, two classes are compared by AUC too.
        targets: Targets of the runs' datasets, if known; others are taken for classes.

    Returns:
        An entry for each of the first comparable arms; the other arms with the reason; and the number of arms with a
        run to compare.
    """
    (_, baseline), *others = arms
    if any((target := targets.get(run.dataset)) and not target.is_partition for run in baseline):
        return [], [], 0
    theirs = _by_seed_and_fold(baseline)
    matched = []
    for name, runs in others:
        ours = _by_seed_and_fold(runs)
        if common := sorted(ours.keys() & theirs.keys()):
            matched.append((name, ours[common[0]], theirs[common[0]]))
        elif len(ours) == len(theirs) == 1:
            matched.append((name, next(iter(ours.values())), next(iter(theirs.values()))))
    found: list[ImageDifference] = []
    refused: list[str] = []
    for name, ours_, theirs_ in matched[:MOST_ARMS]:
        try:
            found.append(_compare(name, ours_, theirs_, metric, targets, arms=min(MOST_ARMS, len(matched))))
        except RunError as error:
            refused.append(f"{name} ({error})")
    return found, refused, len(matched)


def _by_seed_and_fold(runs: Sequence[Trajectory]) -> dict[tuple[int, int], Trajectory]:
    """Map seed and fold to kit's own runs; the dataset's own validation split comes before its folds."""
    return {(run.seed, -1 if run.fold is None else run.fold): run for run in runs if run.run and run.seed is not None}


def _compare(
    name: str,
    ours: Trajectory,
    theirs: Trajectory,
    metric: str,
    targets: Mapping[tuple[str, str], Target],
    *,
    arms: int,
) -> ImageDifference:
    from statsmodels.stats.contingency_tables import mcnemar

    one, other = (kept_predictions(run, targets.get(run.dataset)) for run in (ours, theirs))
    if (
        len(one.keys) < _TWO
        or sorted(one.keys) != sorted(other.keys)
        or len(one.target.names) != len(other.target.names)
    ):
        raise RunError("its predictions are of other images than the baseline's")
    one = one.ordered(other.keys)
    here, there = ~one.mislabelled, ~other.mislabelled
    only_here, only_baseline = int((here & ~there).sum()), int((there & ~here).sum())
    table = [[int((here & there).sum()), only_here], [only_baseline, int((~here & ~there).sum())]]
    resamples = int(np.clip(_DRAWN // (arms * len(here)), _FEWEST_RESAMPLES, RESAMPLES))
    has_area = on_train(metric) == "auc" and one.outputs.shape[1] == other.outputs.shape[1] == _TWO
    return ImageDifference(
        arm=name,
        weights=" and ".join(sorted({run.spec.train.evaluate for run in (ours, theirs) if run.spec})),
        seed=ours.seed or 0,
        fold=ours.fold,
        images=len(here),
        accuracy=_spread(np.mean, (), here, there, resamples),
        auc=_spread(area_under_roc, (other.labels,), one.probabilities[:, 1], other.probabilities[:, 1], resamples)
        if has_area
        else None,
        only_here=only_here,
        only_baseline=only_baseline,
        p=float(mcnemar(table, exact=True).pvalue),
    )


def _spread(
    measure: Callable[..., Any],
    shared: tuple[NDArray[Any], ...],
    ours: NDArray[Any],
    theirs: NDArray[Any],
    resamples: int,
) -> Spread:
    """Measure both runs, and their difference on images resampled alike for both."""
    from scipy.stats import bootstrap

    def difference(*samples: NDArray[Any], axis: int = -1) -> Any:
        *both, one, other = samples
        return measure(*both, one, axis=axis) - measure(*both, other, axis=axis)

    interval = bootstrap(
        (*shared, ours, theirs),
        difference,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // len(ours)),
        confidence_level=1 - LEVEL,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    value, other = (float(measure(*shared, one, axis=-1)) for one in (ours, theirs))
    return Spread(value=value, difference=value - other, low=float(interval.low), high=float(interval.high))
