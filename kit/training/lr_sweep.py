"""A learning-rate range test (Smith 2017, arXiv:1506.01186): a few steps at increasing rates."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from kit.datasets import Dataset
from kit.datasets.verify import check_splits
from kit.pipeline import damage_named, train_batches
from kit.progress import Progress
from kit.specs import RunSpec
from kit.specs.device_list import AUTO, Devices
from kit.specs.schedule import ScheduleSpec
from kit.training.compile import compiled_model
from kit.training.devices import prepare_devices
from kit.training.fit import class_weights
from kit.training.lr_curve import BEGIN, RangeTest
from kit.training.lr_schedule import first_rate

_LOWEST, _HIGHEST = 1e-7, 10.0
_STEPS = 100  # of a test that does not diverge earlier: some 12 for each factor of ten
_MEMORY = 0.9  # momentum of the running mean that detects divergence: about the last ten steps
_DIVERGED = 2.0  # times the mean loss at the lowest rates


def measure_rates(spec: RunSpec, dataset: Dataset, *, devices: Devices = AUTO, progress: Progress) -> RangeTest:
    """Train a run's model for some steps, at rates from 1e-7 to 10 that grow by equal factors, and discard it.

    It uses the images of the run, streamed, and ends when the loss has doubled, or is not a number.

    Args:
        spec: Settings of the run; its own rate and schedule are ignored.
        dataset: Dataset with a train split.
        devices: Devices to train on; if the run's rate is multiplied by their number, so are those of the test.
        progress: Receiver of every step.
    """
    check_splits(dataset, ["train"], progress)
    advice = prepare_devices(spec.train.threads, devices)
    unscheduled = msgspec.structs.replace(spec.train, schedule=ScheduleSpec())
    model = compiled_model(msgspec.structs.replace(spec, train=unscheduled), dataset, joined=1)  # Keras 2.15 needs it
    batches = train_batches(
        dataset,
        dataset.manifest.target.head(spec.model.head, spec.train.loss),
        batch_size=spec.train.batch_size,
        seed=spec.seed,
        cache="none",  # images are hardly repeated
        augment=spec.augment,
        sampling=spec.train.sampling,
        class_weights=class_weights(spec, dataset),
    )
    rates: list[float] = []
    losses: list[float] = []
    factor = first_rate(spec.train) / spec.train.learning_rate
    progress.start(f"find the learning rate of {spec.arm}", _STEPS)
    progress.advance(0, advice)
    with damage_named(dataset):
        for rate, batch in zip(np.geomspace(_LOWEST, _HIGHEST, _STEPS).tolist(), batches, strict=False):
            model.optimizer.learning_rate = factor * rate
            model.reset_metrics()  # else Keras returns the mean of all batches so far
            loss = float(model.train_on_batch(*batch, return_dict=True)["loss"])
            if not math.isfinite(loss):
                break
            rates.append(rate)
            losses.append(loss)
            progress.advance()
            if _has_diverged(losses):
                break
    progress.finish()
    return RangeTest(rates, losses, is_diverged=len(rates) < _STEPS or _has_diverged(losses))


def _has_diverged(losses: list[float]) -> bool:
    """Compare the running mean of the last losses with that of the first."""
    mean = beginning = sum(losses[:BEGIN]) / BEGIN
    for loss in losses[BEGIN:]:
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
    return mean > _DIVERGED * beginning
