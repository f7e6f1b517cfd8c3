"""Predictions judged by several metrics: the dataset's, and the usual ones of its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from kit.errors import SpecError, require
from kit.evaluation.intervals import Interval, Units, bootstrap
from kit.inference.predictions import Predictions
from kit.metrics import Metric, find_metric
from kit.metrics.registry import AskedMetric
from kit.metrics.score import Direction, known
from kit.progress import NO_PROGRESS, Progress
from kit.targets import Target, Truth
from kit.targets.constant_rate import constant_rate
from kit.targets.scoring import refuse_metric

AskedMetrics: TypeAlias = AskedMetric | Sequence[AskedMetric] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScore:
    """Value of a metric on a split.

    Attributes:
        name: Name of the metric.
        value: Value; None where it has none.
        direction: "max" if higher is better, else "min".
        judges: Kind of predictions that it judges.
        left_out: Names of the columns without a value, which are no part of the mean.
        interval: 95 % interval over resampled images or groups; None where there is none, see
            `kit.evaluation.intervals.bootstrap`.
        base_rate: Score of the best constant prediction made of the training labels; None where none has a score.
        base_words: Name of that prediction; empty where there is none.
    """

    name: str
    value: float | None
    direction: Direction
    judges: str
    left_out: tuple[str | int, ...] = ()
    interval: Interval | None = None
    base_rate: float | None = None
    base_words: str = ""


def parse_metrics(asked: AskedMetrics) -> list[Metric]:
    """Find metrics that are asked for, in order.

    Args:
        asked: Names between commas, a function, a metric, or several of these; None for none.

    Raises:
        SpecError: There is no such metric, or one is named twice.
    """
    if asked is None:
        return []
    parts: Sequence[AskedMetric]
    if isinstance(asked, str):
        parts = [part.strip() for part in asked.split(",") if part.strip()]
    else:
        parts = [asked] if callable(asked) or isinstance(asked, Metric) else list(asked)
    found = [find_metric(part) for part in parts]
    names = [metric.name for metric in found]
    require(bool(found), "metric names none; give one, or several between commas")
    require(len(set(names)) == len(names), f"metric names one twice: {', '.join(names)}")
    return found


def refuse_unfitting(target: Target, metric: Metric, *, are_probabilities: bool) -> None:
    """Refuse a metric that cannot judge predictions of a target.

    Raises:
        SpecError: It is for other targets, or needs probabilities where there are numbers.
    """
    refuse_metric(target, metric)
    if metric.judges in {"probabilities", "ranks"} and not are_probabilities:
        raise SpecError(f"metric {metric.name} judges {metric.judges}, but the run predicts numbers; name another")


def usual_metrics(target: Target, first: Metric, *, are_probabilities: bool) -> list[Metric]:
    """List the metrics that are shown unless others are named: the dataset's, then the usual ones of its target.

    Args:
        target: Target of the dataset.
        first: Metric of the dataset.
        are_probabilities: Whether predictions are probabilities, not numbers, which some metrics cannot judge.
    """
    others = [find_metric(name) for name in target.usual_metrics if name != first.name]
    return [first, *(metric for metric in others if _fits(target, metric, are_probabilities=are_probabilities))]


def score_metrics(
    scores: Predictions,
    metrics: Sequence[Metric],
    *,
    units: Units | None = None,
    learned: Truth | None = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[MetricScore, ...]:
    """Judge predictions by each metric.

    Args:
        scores: Predictions of n images.
        metrics: Metrics that fit them.
        units: Images or groups to resample for intervals; None for no intervals.
        learned: Labels of the training, for base rates; None for no base rates.
        progress: Progress that sees every resample.
    """
    intervals = [None] * len(metrics) if units is None else bootstrap(scores, metrics, units, progress)
    rates = [(None, "") if learned is None else _base_rate(scores, metric, learned) for metric in metrics]
    return tuple(
        replace(_score(scores, metric), interval=interval, base_rate=rate, base_words=words)
        for metric, interval, (rate, words) in zip(metrics, intervals, rates, strict=True)
    )


def _base_rate(scores: Predictions, metric: Metric, learned: Truth) -> tuple[float | None, str]:
    try:
        return constant_rate(scores.target, metric, scores.labels, learned)
    except SpecError:  # a metric of one's own may have no value for a constant
        return None, ""


def _score(scores: Predictions, metric: Metric) -> MetricScore:
    score = scores.judge(metric)
    return MetricScore(
        name=metric.name,
        value=known(score.value),
        direction=metric.direction,
        judges=metric.judges,
        left_out=score.left_out,
    )


def _fits(target: Target, metric: Metric, *, are_probabilities: bool) -> bool:
    try:
        refuse_unfitting(target, metric, are_probabilities=are_probabilities)
    except SpecError:
        return False
    return True
