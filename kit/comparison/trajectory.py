"""Trajectory of a run: its metrics over the epochs, for a comparison."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.evaluation.split_metrics import Measured
from kit.metrics.direction import smaller_is_better
from kit.runs import RunDirectory
from kit.runs.history import best_epoch
from kit.specs import RunSpec

VALIDATION = "val_"
_LOSS = "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """Metrics of a run over the epochs, for a comparison.

    Attributes:
        arm: Name of the run's arm.
        metrics: Values over the epochs, by Keras' names.
        seed: None for histories from elsewhere.
        fold: Validation fold; None for the dataset's own validation split.
        dataset: Name and fingerprint of the dataset; empty for histories from elsewhere.
        parameters: Number of parameters of the model.
        seconds_per_epoch: Median seconds per epoch.
        run: Directory of the run; None for histories from elsewhere.
        spec: Settings of the run; None for histories from elsewhere.
        whence: Name of the arm with its ablation, run folder or file, unique among arms of equal name.
        recipe: Recipe of its ablation; empty for none.
        measured: Metrics on whole splits, if requested.
        base_rate: Score of the best constant prediction on the validation images, by the chosen metric; None if
            unknown.
        base_words: Name of that prediction.
        judged: Values of metrics computed from stored predictions, by the weights of the setting `train.evaluate`.
    """

    arm: str
    metrics: Mapping[str, list[float]]
    seed: int | None = None
    fold: int | None = None
    dataset: tuple[str, str] = ("", "")
    parameters: int | None = None
    seconds_per_epoch: float | None = None
    run: RunDirectory | None = None
    spec: RunSpec | None = None
    whence: str = ""
    recipe: str = ""
    measured: Measured | None = None
    base_rate: float | None = None
    base_words: str = ""
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_diverged(self) -> bool:
        """Whether a loss of the last epoch is no number, or without losses any metric.

        An accuracy may be a number when the loss is not, and a metric may be undefined when the loss is a number.
        """
        last = {name: values[-1] for name, values in self.metrics.items() if values}
        losses = [value for name, value in last.items() if on_train(name) == _LOSS]
        return any(not math.isfinite(value) for value in losses or last.values())

    def last(self, metric: str) -> float | None:
        """Value in the last epoch: NaN if the training diverged or it has none, None if the metric was not recorded.

        A metric computed from stored predictions has that value.
        """
        if metric in self.judged:
            return self.judged[metric]
        values = self.metrics.get(metric)
        if not values:
            return None
        return math.nan if self.is_diverged else values[-1]

    def best(self, metric: str) -> float | None:
        """Value in the best epoch on validation, by the run's monitor, or by the metric if the monitor is unknown.

        NaN if there was no such epoch, None if the metric was not recorded, or is computed from stored predictions.
        """
        values = None if metric in self.judged else self.metrics.get(metric)
        if not values:
            return None
        watched = self.spec.train.monitor if self.spec else on_validation(metric)
        curve = self.metrics.get(watched) or values
        start = self.spec.train.early_stopping.start_epoch if self.spec else 0
        epoch = best_epoch(curve, smaller_is_better=smaller_is_better(watched), start=start)
        return math.nan if epoch is None else values[epoch]


def on_validation(metric: str) -> str:
    """Name a metric on the validation split."""
    return f"{VALIDATION}{on_train(metric)}"


def on_train(metric: str) -> str:
    """Name a metric on the train split."""
    return metric.removeprefix(VALIDATION)


def volatility(values: Sequence[float]) -> float | None:
    """Mean absolute change from one epoch to the next; None for a single epoch."""
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    return statistics.fmean(steps) if steps else None
