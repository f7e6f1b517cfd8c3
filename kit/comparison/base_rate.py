"""Base rates: the score of the best constant prediction, from the labels alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from kit.comparison.chosen_metric import ChosenMetric, Datasets, kept_predictions
from kit.comparison.trajectory import Trajectory, on_train
from kit.errors import RunError, SpecError
from kit.metrics import find_metric
from kit.specs import RunSpec
from kit.targets import Target, Truth
from kit.targets.constant_rate import constant_rate

_TWO = 2  # classes

Shares: TypeAlias = Sequence[float]  # share of the images of each class; they sum to 1


@dataclass(frozen=True, slots=True)
class _Basis:
    """A metric's base rate.

    Attributes:
        words: Description of the constant prediction.
        of: Function from the classes' shares to the rate; None if a constant prediction has no such rate.
    """

    words: str
    of: Callable[[Shares], float | None]


def base_rate(metric: str, counts: Sequence[int], *, smoothing: float = 0.0) -> float | None:
    """Compute the score of the best constant prediction.

    Args:
        metric: Name of the metric without its prefix, such as accuracy.
        counts: Number of images of each class.
        smoothing: Label smoothing of the loss; unused by other metrics.

    Returns:
        Base rate; None without images, or if a constant is meaningless, as for the recall of one class.

    >>> base_rate("accuracy", [30, 70]), base_rate("auc", [30, 70]), round(base_rate("loss", [50, 50]), 4)
    (0.7, 0.5, 0.6931)
    """
    total = sum(counts)
    basis = _BASES.get(metric)
    if basis is None or not total:
        return None
    spread = smoothing / len(counts) if metric == "loss" else 0.0
    kept = 1 - smoothing if metric == "loss" else 1.0
    return basis.of([kept * count / total + spread for count in counts])


def with_base_rates(trajectories: Sequence[Trajectory], chosen: ChosenMetric, datasets: Datasets) -> list[Trajectory]:
    """Add to each run the base rate of its validation images.

    Args:
        trajectories: Runs in order.
        chosen: Metric; metrics of the train split have no base rate, as training may resample classes.
        datasets: Datasets unchanged since the runs, by name and fingerprint; for others, the labels stored with a run's
            predictions are counted.
    """
    name = on_train(chosen.name)
    if name == chosen.name:
        return list(trajectories)
    validated = dict.fromkeys((run.dataset, run.fold) for run in trajectories if run.spec)
    truths = {key: _truth(*key, trajectories, datasets) for key in validated}
    return [_rated(run, name, truths[run.dataset, run.fold]) if run.spec else run for run in trajectories]


@dataclass(frozen=True, slots=True)
class _Validated:
    """Labels of images that validate."""

    target: Target
    truth: Truth


def _truth(
    dataset: tuple[str, str], fold: int | None, trajectories: Sequence[Trajectory], datasets: Datasets
) -> _Validated | None:
    """Find the labels of the images that validate: by the manifest's counts, else beside a run's predictions."""
    known = datasets.get(dataset)
    target = known.manifest.target if known else None
    if known and target and target.is_partition:
        counts = known.for_fold(fold).manifest.counts.get("validation", {})
        return _Validated(
            target, np.repeat(np.arange(len(target.names)), [counts.get(name, 0) for name in target.names])
        )
    for run in trajectories:
        if run.run and (run.dataset, run.fold) == (dataset, fold):
            with contextlib.suppress(RunError):
                scores = kept_predictions(run, target)
                return _Validated(scores.target, scores.labels)
    return None


def _rated(run: Trajectory, name: str, known: _Validated | None) -> Trajectory:
    if known is None or not len(known.truth):
        return run
    if known.target.has_class_figures and name in _BASES:
        counts = np.bincount(known.truth, minlength=len(known.target.names)).tolist()
        return replace(run, base_rate=_rate(run.spec, name, counts), base_words=_BASES[name].words)
    with contextlib.suppress(SpecError):  # a loss is no metric, and one's own may have no value for a constant
        rate, words = constant_rate(known.target, find_metric(name), known.truth)
        return replace(run, base_rate=rate, base_words=words)
    return run


def _rate(spec: RunSpec | None, name: str, counts: Sequence[int]) -> float | None:
    if spec is None or (name == "loss" and not _is_plain(spec)):
        return None
    return base_rate(name, counts, smoothing=spec.train.label_smoothing)


def _is_plain(spec: RunSpec) -> bool:
    """Whether a validation loss is a cross-entropy without weight penalties."""
    return spec.train.loss == "crossentropy" and not spec.model.dense_l2


def _entropy(shares: Shares) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0)


def _precision(shares: Shares) -> float:
    """Two classes: every image predicted as the second one; more: mean over classes, only one ever predicted."""
    return shares[1] if len(shares) == _TWO else max(shares) / len(shares)


def _recall(shares: Shares) -> float | None:
    """More than two classes: mean over them, one always found; two classes: a constant finds all."""
    return None if len(shares) == _TWO else 1 / len(shares)


def _f1(shares: Shares) -> float:
    def harmonic(share: float) -> float:
        return 2 * share / (1 + share)

    return harmonic(shares[1]) if len(shares) == _TWO else harmonic(max(shares)) / len(shares)


_BASES = {
    "accuracy": _Basis("share of the largest class", max),
    "auc": _Basis("chance", lambda _: 0.5),
    "loss": _Basis("cross-entropy of the classes' shares", _entropy),
    "precision": _Basis("one class for all images", _precision),
    "recall": _Basis("one class for all images", _recall),
    "f1": _Basis("one class for all images", _f1),
}
