"""The metric that runs are compared by: recorded epoch by epoch, or computed from predictions that they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kit.comparison.trajectory import VALIDATION, Trajectory, on_train, on_validation
from kit.datasets import Dataset
from kit.errors import RunError, SpecError, option, require, unknown
from kit.inference.dataset_metric import dataset_metric
from kit.inference.predictions import Predictions, read_predictions
from kit.metrics import Metric, find_metric
from kit.metrics.own import is_in_file
from kit.metrics.registry import listed_beside
from kit.targets import Target

Datasets = Mapping[tuple[str, str], Dataset]

FIRST = "val_accuracy"  # of runs whose dataset nobody knows


@dataclass(frozen=True, slots=True)
class ChosenMetric:
    """The figure that runs are compared by.

    Attributes:
        name: Name as a history has it, such as val_qwk.
        computed: Metric to compute from kept predictions; None where histories have it.
    """

    name: str
    computed: Metric | None = None


def choose_metric(asked: str | None, trajectories: Sequence[Trajectory], datasets: Datasets) -> ChosenMetric:
    """Find what is asked for among the figures that all runs recorded, else among the metrics.

    A figure that only some recorded is computed for all, from the predictions that they keep.

    Args:
        asked: Recorded figure such as val_auc, or name of a metric, which is meant on validation; None for the
            datasets' own.
        trajectories: Runs in order.
        datasets: Datasets by name and fingerprint.

    Raises:
        RunError: Neither has it, or the runs' datasets have different metrics and none is named.
        SpecError: Several metrics are named.
    """
    recorded = {name for run in trajectories for name in run.metrics}
    if asked in recorded and (asked.startswith(VALIDATION) or on_validation(asked) not in recorded or not _find(asked)):
        return _of_all(asked, trajectories)
    name = asked or _own(trajectories, datasets)
    if on_validation(name) in recorded:
        return _of_all(on_validation(name), trajectories)
    metric = _find(on_train(name))
    if metric is None:
        require("," not in name, f"runs are compared by one metric; {option('metric', name)} names several")
        raise RunError(unknown("metric", name, {*recorded, *listed_beside(on_train(name))}))
    return ChosenMetric(on_validation(metric.name), metric)


def _of_all(name: str, trajectories: Sequence[Trajectory]) -> ChosenMetric:
    """Take a recorded figure, or compute it for all runs where some did not record it and all keep predictions.

    All of them, as the last epoch of some and the kept weights of others are no fair comparison.
    """
    is_whole = all(name in run.metrics for run in trajectories)
    if is_whole or not name.startswith(VALIDATION) or not all(map(_keeps, trajectories)):
        return ChosenMetric(name)
    return ChosenMetric(name, _find(on_train(name)))


def _keeps(run: Trajectory) -> bool:
    return run.run is not None and run.run.predictions.is_file()


def _find(name: str) -> Metric | None:
    """Find a metric; None where there is none of that name.

    Raises:
        SpecError: It is one of one's own that cannot be loaded.
    """
    try:
        return find_metric(name)
    except SpecError:
        if is_in_file(name):
            raise
        return None


def with_metric(
    trajectories: Sequence[Trajectory], chosen: ChosenMetric, targets: Mapping[tuple[str, str], Target]
) -> list[Trajectory]:
    """Add to each run the metric of its stored predictions, unless all histories have it.

    Raises:
        RunError: A run has no stored predictions.
        SpecError: The metric does not fit the target.
    """
    if chosen.computed is None:
        return list(trajectories)
    return [_judged(run, chosen.name, chosen.computed, targets.get(run.dataset)) for run in trajectories]


def kept_predictions(run: Trajectory, target: Target | None) -> Predictions:
    """Read the stored validation predictions of a run, by the weights of its setting `train.evaluate`.

    Raises:
        RunError: There are none, or they were changed since.
    """
    if run.run is None:
        raise RunError(f"{run.arm} is a history without predictions")
    return read_predictions(run.run.checked(run.run.predictions), target)


def _judged(run: Trajectory, name: str, metric: Metric, target: Target | None) -> Trajectory:
    try:
        scores = kept_predictions(run, target)
    except RunError as error:
        recorded = ", ".join(figure for figure in run.metrics if figure.startswith(VALIDATION))
        raise RunError(f"{error}; {name} was not recorded and needs them, or name one of {recorded}") from error
    return replace(run, judged={**run.judged, name: scores.judge(metric).value})


def _own(trajectories: Sequence[Trajectory], datasets: Datasets) -> str:
    """Name the metric of the runs' datasets."""
    keys = dict.fromkeys(run.dataset for run in trajectories)
    names = list(dict.fromkeys(dataset_metric(datasets[key]).name for key in keys if key in datasets))
    if len(names) > 1:
        raise RunError(
            f"the runs' datasets have different metrics, {', '.join(names)}; add {option('metric', names[0])}"
        )
    if names or any(FIRST in run.metrics for run in trajectories):
        return names[0] if names else on_train(FIRST)
    watched = {on_train(run.spec.train.monitor) for run in trajectories if run.spec} - {"loss"}  # without a dataset
    return watched.pop() if len(watched) == 1 else on_train(FIRST)
