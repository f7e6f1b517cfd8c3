"""Settings that a dataset's target, or the head of a network, does not take."""

from __future__ import annotations

from kit.errors import SpecError, require
from kit.metrics import find_metric
from kit.specs import RunSpec, TrainSpec
from kit.specs.addons import PREFIX
from kit.specs.losses import KAPPA
from kit.targets import Head, Target
from kit.targets.scoring import refuse_metric


def check_target(spec: RunSpec, target: Target, head: Head) -> None:
    """Refuse settings that mean nothing for a target or a head.

    Raises:
        SpecError: Metrics that do not judge the target or what the head predicts, or label smoothing of
            numbers.
    """
    train = spec.train
    for name in train.metrics:
        _check_metric(name, target, head)
    if train.metrics:
        for name in target.always_recorded:
            require(name in train.metrics, f"metrics must include {name}, which every comparison needs")
    if train.loss.startswith(PREFIX):
        _check_addon(train, head)
    require(
        not (train.label_smoothing and head.learns_numbers),
        f"train.label_smoothing={train.label_smoothing:g} spreads the truth over names, and head {head.name} learns"
        " numbers; leave it at 0",
    )


def _check_addon(train: TrainSpec, head: Head) -> None:
    """Refuse settings that a loss of TensorFlow Addons has no place for."""
    given = f"train.loss={train.loss}"
    require(
        not train.label_smoothing,
        f"{given} takes no train.label_smoothing, got {train.label_smoothing:g}; leave it at 0",
    )
    weighs_images = train.loss != KAPPA and head.name != "tags"
    require(
        train.class_weights == "none" or weighs_images,
        f"{given} weighs no {'image' if train.loss == KAPPA else 'tag'} by itself; leave train.class_weights at none",
    )


def _check_metric(name: str, target: Target, head: Head) -> None:
    metric = find_metric(name)
    refuse_metric(target, metric)
    if head.learns_numbers and metric.judges in {"probabilities", "ranks"}:
        raise SpecError(
            f"train.metrics: {name} judges {metric.judges}, and head {head.name} predicts a number; take another"
            f" metric, such as {target.default_metric}, or another of the heads {', '.join(target.heads)}"
        )
