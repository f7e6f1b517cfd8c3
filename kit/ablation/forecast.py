"""What an ablation will cost, before it runs: parameters by arithmetic, time by a measured warm-up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from kit.ablation.schedule import Plan, default_jobs
from kit.models import Parameters, count_operations, count_parameters
from kit.progress import NO_PROGRESS, Progress
from kit.shards import Dataset
from kit.specs import RunSpec

_TRACES = 2.0  # of training, and of validation and prediction together
_STEPS = 3  # timed, after one that compiles
_EPOCH = 0.3  # seconds an epoch for its checkpoint, history line, logs and the change between train and validation
_BACKWARD = 3.0  # a step of training costs about three of validation: forward, and twice that backward


@dataclass(frozen=True, slots=True)
class ArmForecast:
    """An arm that has not run.

    Attributes:
        name: of the arm.
        parameters: of its model.
        seconds: of one run.
    """

    name: str
    parameters: Parameters
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a plan will cost.

    Attributes:
        arms: in order.
        seeds: runs of each.
        jobs: runs at a time.
        measured: arms whose steps were timed; the others' times are interpolated.
    """

    arms: tuple[ArmForecast, ...]
    seeds: int
    jobs: int
    measured: int

    @property
    def seconds(self) -> float:
        """All runs to their last epoch, several at a time, on a machine that does nothing else."""
        return self.seeds * sum(arm.seconds for arm in self.arms) / self.jobs


def forecast(plan: Plan, *, jobs: int | None = None, progress: Progress = NO_PROGRESS) -> Forecast:
    """Estimate an ablation's time from a few training steps of its smallest, middle and largest model.

    Between these the time of a step grows with the multiplications of an image's way through the model. Building and
    tracing count, early stops and other work of the machine do not.

    Args:
        plan: of the ablation.
        jobs: runs at a time; see `ablate`.
        progress: sees every model that is timed.
    """
    arms = plan.arms
    shape, classes = plan.dataset.shape, len(plan.dataset.manifest.classes)
    operations = {name: count_operations(spec.model, shape, classes) for name, spec in arms.items()}
    ordered = sorted(arms, key=lambda name: operations[name])
    chosen = tuple(dict.fromkeys(ordered[place] for place in (0, len(ordered) // 2, -1)))
    progress.start("time a few steps", len(chosen))
    timed = {}
    for name in chosen:
        timed[name] = _time_image(arms[name], plan.dataset)
        progress.advance()
    progress.finish()
    places, (begins, steps) = [operations[name] for name in timed], zip(*timed.values(), strict=True)
    images = _images(plan.dataset)

    def estimate(name: str) -> float:
        begin, step = (float(np.interp(operations[name], places, values)) for values in (begins, steps))
        return begin + arms[name].train.epochs * (images * step + _EPOCH)

    return Forecast(
        arms=tuple(
            ArmForecast(name, count_parameters(spec.model, shape, classes), estimate(name))
            for name, spec in arms.items()
        ),
        seeds=plan.seeds,
        jobs=max(1, min(jobs or default_jobs(), len(plan.specs))),
        measured=len(chosen),
    )


def _images(dataset: Dataset) -> float:
    """Count an epoch's images, those of validation for the part of a training step that they cost."""
    return dataset.manifest.records("train") + dataset.manifest.records("validation") / _BACKWARD


def _time_image(spec: RunSpec, dataset: Dataset) -> tuple[float, float]:
    """Time the beginning of a training, and its steps on one synthetic batch.

    Returns:
        Seconds until the first step, those of tracing validation and prediction included; seconds an image.
    """
    from kit.training.compiled import compiled_model  # noqa: PLC0415 (TensorFlow, for the estimate only)
    from kit.training.devices import prepare_devices  # noqa: PLC0415

    prepare_devices(spec.train.threads)
    began = time.perf_counter()
    model = compiled_model(spec, dataset)
    batch, classes = spec.train.batch_size, len(dataset.manifest.classes)
    generator = np.random.default_rng(0)
    images = generator.random((batch, *dataset.shape), np.float32)
    places = generator.integers(0, classes, batch)
    labels = places.astype(np.float32) if classes == 2 else np.eye(classes, dtype=np.float32)[places]  # noqa: PLR2004
    model.train_on_batch(images, labels)  # traces
    begun = time.perf_counter()
    for _ in range(_STEPS):
        model.train_on_batch(images, labels)
    return _TRACES * (begun - began), (time.perf_counter() - begun) / (_STEPS * batch)
