"""Predictions judged by several metrics: the dataset's, and the usual ones of its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kit.errors import SpecError, require
from kit.inference.predictions import Predictions
from kit.metrics import Metric, find_metric
from kit.metrics.registry import AskedMetric
from kit.metrics.score import Direction
from kit.targets import Target
from kit.targets.judge import refuse_metric

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
    """

    name: str
    value: float | None
    direction: Direction
    judges: str
    left_out: tuple[str | int, ...] = ()


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


def score_metrics(scores: Predictions, metrics: Sequence[Metric]) -> tuple[MetricScore, ...]:
    """Judge predictions by each metric."""
    return tuple(_score(scores, metric) for metric in metrics)


def _score(scores: Predictions, metric: Metric) -> MetricScore:
    score = scores.judge(metric)
    return MetricScore(
        name=metric.name,
        value=None if math.isnan(score.value) else score.value,
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
