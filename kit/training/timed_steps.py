"""Timing of training steps on one synthetic batch."""

from __future__ import annotations

import math
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kit.datasets import Dataset
from kit.specs import RunSpec
from kit.training.compile import compiled_model
from kit.training.devices import prepare_devices


@dataclass(frozen=True, slots=True)
class Steps:
    """Timing of some steps.

    Attributes:
        begin: Time until the end of the first step, seconds: building and tracing.
        images_per_second: Images per second in the following steps.
        peak_bytes: Peak memory of the process so far, bytes.
    """

    begin: float
    images_per_second: float
    peak_bytes: int


def time_steps(spec: RunSpec, dataset: Dataset, *, steps: float = math.inf, seconds: float = math.inf) -> Steps:
    """Train on one synthetic batch for `steps` steps or `seconds`, whichever comes first, but at least one step.

    Args:
        spec: Settings of the run.
        dataset: Dataset with the shape, the classes and the number of steps an epoch.
        steps: Number of steps after the first, which traces.
        seconds: Time limit, seconds.
    """
    prepare_devices(spec.train.threads)
    began = time.perf_counter()
    model: Any = compiled_model(spec, dataset, joined=1)  # a batch is one step: Keras 2.15 would take more
    batch, head = spec.train.batch_size, dataset.manifest.target.head(spec.model.head, spec.train.loss)
    generator = np.random.default_rng(0)
    images = generator.random((batch, *dataset.shape), np.float32)
    labels = generator.random((batch, head.units), np.float32)
    model.train_on_batch(images, labels)  # traces
    begun = time.perf_counter()
    done = 0
    while done == 0 or (done < steps and time.perf_counter() - begun < seconds):
        model.train_on_batch(images, labels)
        done += 1
    rate = done * batch / (time.perf_counter() - begun)
    return Steps(begun - began, rate, _peak_bytes())


def _peak_bytes() -> int:
    """Return the peak memory of the process, bytes; Linux counts in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
