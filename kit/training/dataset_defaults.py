"""What a training takes from its dataset where its settings leave it open: loss, metrics, and what is watched."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from kit.datasets import Dataset
from kit.specs import RunSpec, Setting, TrainSpec
from kit.specs.schedule import Monitor, ScheduleSpec
from kit.specs.train import EarlyStoppingSpec

Watching = TypeVar("Watching", EarlyStoppingSpec, ScheduleSpec)


def with_defaults(spec: RunSpec, dataset: Dataset) -> RunSpec:
    """Fill in what a run's settings leave open, so that its spec.json says all that is trained.

    Raises:
        SpecError: A head or a loss that the dataset's target lacks.
    """
    train = _with_metrics(spec.train, dataset)
    target = dataset.manifest.target
    loss = train.loss or target.losses[target.head(spec.model.head).name][0]
    return msgspec.structs.replace(spec, train=msgspec.structs.replace(train, loss=loss))


def base_with_defaults(base: Setting, dataset: Dataset) -> Setting:
    """Fill in what settings leave open that runs may change: the loss only where all heads have the same."""
    train, losses = _with_metrics(base.train, dataset), dataset.manifest.target.losses.values()
    common = next(iter(losses))[0] if len({each[0] for each in losses}) == 1 else ""
    return msgspec.structs.replace(base, train=msgspec.structs.replace(train, loss=train.loss or common))


def _with_metrics(train: TrainSpec, dataset: Dataset) -> TrainSpec:
    watched, metric = _watched(dataset), dataset.metric
    filled = msgspec.structs.replace(
        train,
        metrics=(),
        monitor=train.monitor or f"val_{metric}",
        early_stopping=_watching(train.early_stopping, watched),
        schedule=_watching(train.schedule, watched),
    )
    named = (*(train.metrics or dataset.manifest.target.always_recorded), metric)
    monitored = [monitor.removeprefix("val_") for monitor in filled.monitors.values() if monitor != "val_loss"]
    return msgspec.structs.replace(filled, metrics=tuple(dict.fromkeys([*named, *monitored])))


def _watching(spec: Watching, monitor: Monitor) -> Watching:
    return spec if spec.monitor else msgspec.structs.replace(spec, monitor=monitor)


def _watched(dataset: Dataset) -> Monitor:
    """Name what a plateau and early stopping watch: the loss of classes judged by accuracy, which moves in steps."""
    is_usual = dataset.metric in dataset.manifest.target.always_recorded
    return "val_loss" if is_usual else f"val_{dataset.metric}"
