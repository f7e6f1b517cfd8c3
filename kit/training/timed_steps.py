"""A few steps of a training on one synthetic batch, for the clock."""

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
    """What some steps took.

    Attributes:
        begin: Seconds until the first step was done: building and tracing.
        images_per_second: Images per second in the steps after it.
        peak_bytes: Peak memory of the process so far, bytes.
    """

    begin: float
    images_per_second: float
    peak_bytes: int


def time_steps(spec: RunSpec, dataset: Dataset, *, steps: float = math.inf, seconds: float = math.inf) -> Steps:
    """Train on one synthetic batch until `steps` are done or `seconds` have passed, at least one step.

    Args:
        spec: Settings of the run.
        dataset: Dataset that gives the shape, the classes and the number of steps an epoch.
        steps: Steps to take after the first, which traces.
        seconds: Seconds to go on for.
    """
    prepare_devices(spec.train.threads)
    began = time.perf_counter()
    model: Any = compiled_model(spec, dataset)
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
    """Largest memory that the process has held; Linux counts it in KiB, macOS in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
