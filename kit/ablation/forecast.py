"""Forecast of an ablation's cost: parameters by arithmetic, time from a few measured steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kit.ablation.packing import check_jobs
from kit.ablation.plan import Plan
from kit.datasets import Dataset
from kit.engines import core_count, gpus
from kit.models import Parameters, count_operations, count_parameters
from kit.progress import NO_PROGRESS, Progress

_TRACES = 2.0  # steps of training, and of validation and prediction together
_STEPS = 3  # timed steps, after one that compiles
_EPOCH = 0.3  # seconds per epoch for checkpoint, history, logs and the switch between train and validation
_BACKWARD = 3.0  # a step of training costs about three of validation: forward, and twice that backward


@dataclass(frozen=True, slots=True)
class ArmForecast:
    """Forecast of one arm.

    Attributes:
        name: Name of the arm.
        parameters: Number of parameters of the model.
        seconds: Seconds per run.
    """

    name: str
    parameters: Parameters
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Forecast of a plan's cost.

    Attributes:
        arms: Forecasts of the arms, in order.
        count: Number of arms, including those still to be proposed by a search.
        runs_per_arm: Seeds times folds.
        jobs: Runs at a time.
        measured: Number of arms with timed steps; the others' times are interpolated.
    """

    arms: tuple[ArmForecast, ...]
    count: int
    runs_per_arm: int
    jobs: int
    measured: int

    @property
    def seconds(self) -> float:
        """Seconds for all runs to their last epoch, several at a time, on an otherwise idle machine."""
        each = sum(arm.seconds for arm in self.arms) / len(self.arms)
        return self.runs_per_arm * self.count * each / self.jobs


def forecast(plan: Plan, *, jobs: int | None = None, progress: Progress = NO_PROGRESS) -> Forecast:
    """Estimate an ablation's time from a few training steps of its smallest, middle and largest model.

    Between these models the time of a step is interpolated by multiply-accumulates per image. Building and
    tracing are included; early stopping and other load on the machine are not.

    Args:
        plan: Plan of the ablation.
        jobs: Runs at a time; see `ablate`.
        progress: Receiver of every timed model.
    """
    check_jobs(jobs)
    arms = plan.arms
    shape, target = plan.dataset.shape, plan.dataset.manifest.target
    heads = {name: target.head(spec.model.head) for name, spec in arms.items()}
    operations = {name: count_operations(spec.model, shape, heads[name]) for name, spec in arms.items()}
    ordered = sorted(arms, key=lambda name: operations[name])
    chosen = tuple(dict.fromkeys(ordered[index] for index in (0, len(ordered) // 2, -1)))
    from kit.training.timed_steps import time_steps  # noqa: PLC0415 (TensorFlow, for the estimate only)

    progress.start("time a few steps", len(chosen))
    timed = {}
    for name in chosen:
        timed[name] = time_steps(arms[name], plan.dataset, steps=_STEPS)
        progress.advance()
    progress.finish()
    sizes = [operations[name] for name in timed]
    begins = [_TRACES * one.begin for one in timed.values()]
    steps = [1 / one.images_per_second for one in timed.values()]
    images = _images(plan.dataset)

    def estimate(name: str) -> float:
        begin, step = (float(np.interp(operations[name], sizes, values)) for values in (begins, steps))
        return begin + arms[name].train.epochs * (images * step + _EPOCH)

    return Forecast(
        arms=tuple(
            ArmForecast(name, count_parameters(spec.model, shape, heads[name]), estimate(name))
            for name, spec in arms.items()
        ),
        count=plan.possible,
        runs_per_arm=plan.runs_per_arm,
        jobs=max(1, min(jobs or len(gpus()) or core_count(), len(plan.specs))),
        measured=len(chosen),
    )


def _images(dataset: Dataset) -> float:
    """Count an epoch's images, with validation images weighted by their cost relative to a training step."""
    return dataset.manifest.records("train") + dataset.manifest.records("validation") / _BACKWARD
