"""Times input, model and both in turn, round by round, so that a slow phase of the machine affects all of them."""

from __future__ import annotations

import contextlib
import functools
import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kit.benchmark.speeds import Speeds
from kit.compat import keras, tf
from kit.datasets import Dataset
from kit.datasets.verify import check_lengths
from kit.engines import core_count
from kit.pipeline import as_written, choose_cache, damage_named, train_batches
from kit.progress import Progress
from kit.specs import AugmentSpec, RunSpec
from kit.training.compile import compiled_model, joined_steps
from kit.training.devices import prepare_devices
from kit.training.fit import class_weights

_ROUNDS = (3, 7)  # fewest and most rounds; in between, as many as fit in the time
_CALLS = 4  # calls of the model that fit in a part of a round, at least


def measure(spec: RunSpec, dataset: Dataset, *, seconds: float, scratch: Path, progress: Progress) -> Speeds:
    """Measure the train split's batches and the model of a run; see `kit.benchmark.bench`.

    Args:
        spec: Settings of the run.
        dataset: Dataset with a train split.
        seconds: Seconds of measuring.
        scratch: Folder on the disk of the runs, for decoded images while they are cached.
        progress: Receiver of every part of every round.
    """
    check_lengths(dataset, ["train"])
    prepare_devices(spec.train.threads)
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=scratch) as folder, damage_named(dataset):
        batches = _batches(spec, dataset, Path(folder))
        inputs = {"input": batches}
        if spec.augment != AugmentSpec():
            inputs["plain"] = _batches(spec, dataset, Path(folder), augment=AugmentSpec())
        one = as_written(tf.data.Dataset.from_tensors(next(iter(batches))).repeat())
        step = spec.train.batch_size / _fit(compiled_model(spec, dataset, joined=1), one, 1, spec, 0.0)
        rounds = max(_ROUNDS[0], min(_ROUNDS[1], int(seconds / (len(inputs) + 2) / _CALLS / step)))
        each = seconds / (rounds * (len(inputs) + 2))
        joined = _joined(spec, dataset, each / _CALLS / step)
        model = compiled_model(spec, dataset, joined=joined)
        parts: Mapping[str, Callable[[], float]] = {
            name: functools.partial(_feed, fed, spec, each) for name, fed in inputs.items()
        } | {
            name: functools.partial(_fit, model, fed, joined, spec, each)
            for name, fed in (("model", one), ("together", batches))
        }
        with _without_collection():
            rates = _interleaved(parts, rounds, f"bench {dataset.manifest.name}", progress)
    return Speeds(
        spec=spec,
        cache=choose_cache(dataset, "train", spec.train.cache),
        formats=tuple(sorted(dataset.manifest.image.formats)),
        gpus=len(tf.config.list_logical_devices("GPU")),
        cores=core_count(),
        input=rates["input"],
        plain=rates.get("plain", []),
        model=rates["model"],
        together=rates["together"],
    )


def _interleaved(
    parts: Mapping[str, Callable[[], float]], rounds: int, task: str, progress: Progress
) -> dict[str, list[float]]:
    """Run all parts in turn, once to warm up and then round by round: images per second of each."""
    rates: dict[str, list[float]] = {name: [] for name in parts}
    progress.start(task, (rounds + 1) * len(parts))
    for number in range(rounds + 1):
        for name, part in parts.items():
            rate = part()
            if number:
                rates[name].append(rate)
            progress.advance()
    progress.finish()
    return rates


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Turn garbage collection off meanwhile, as timeit does: it stopped a training for seconds."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _batches(spec: RunSpec, dataset: Dataset, folder: Path, augment: AugmentSpec | None = None) -> Any:
    return train_batches(
        dataset,
        dataset.manifest.target.head(spec.model.head, spec.train.loss),
        batch_size=spec.train.batch_size,
        seed=spec.seed,
        cache=spec.train.cache,
        shared=folder if spec.train.cache == "disk" else None,
        augment=spec.augment if augment is None else augment,
        sampling=spec.train.sampling,
        class_weights=class_weights(spec, dataset),
    )


def _feed(batches: Any, spec: RunSpec, seconds: float) -> float:
    """Take batches and discard them: images per second."""
    iterator = iter(batches)
    next(iterator)  # opens the shards, and starts the threads
    taken, began, passed = 0, time.perf_counter(), 0.0
    while passed < seconds or not taken:
        next(iterator)
        taken += 1
        passed = time.perf_counter() - began
    return taken * spec.train.batch_size / passed


def _fit(model: Any, batches: Any, joined: int, spec: RunSpec, seconds: float) -> float:
    """Train on batches: images per second."""
    clock = _Clock(seconds)
    endless = joined << 20  # steps; the clock ends them
    model.fit(batches, steps_per_epoch=endless, epochs=1, callbacks=[clock], verbose=0, shuffle=False)
    return clock.steps * spec.train.batch_size / clock.passed


def _joined(spec: RunSpec, dataset: Dataset, most: float) -> int:
    """Choose the steps per call: as many as in a training, if they fit in a part of a round."""
    whole = joined_steps(spec, dataset)
    return max(count for count in range(1, whole + 1) if whole % count == 0 and count <= max(1, most))


class _Clock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Counts the steps of a fit, and ends it when the time is up.

    The first call traces, or waits for the first batch, and does not count unless it took the whole time.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.steps, self.passed = 0, 0.0
        self._seconds = seconds
        self._before, self._began = 0, 0.0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = self._began or time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Check the time, once the device has finished its work."""
        float((logs or {})["loss"])
        now, done = time.perf_counter(), batch + 1
        self.steps, self.passed = done - self._before, now - self._began
        if self.passed >= self._seconds and (self._before or self._seconds):
            self.model.stop_training = True
        elif not self._before:
            self._before, self._began = done, now
