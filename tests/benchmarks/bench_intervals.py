"""Intervals of a run's metrics: how often they hold the true value, and how long a table of metrics takes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kit.inference.predictions import Predictions
    from kit.targets import Target

TRIES = 400  # data sets whose interval holds the true value or not
IMAGES = (30, 100, 300)
METRICS = ("accuracy", "auc", "log_loss")
MANY = 50_000  # images of a table that is timed
TRUE = 1_000_000  # images whose score is taken for the true value


def run(scratch: Path) -> None:
    del scratch
    _cover()
    _cover_groups()
    _time_tables()


def _cover() -> None:
    from kit.evaluation.intervals import Units, bootstrap
    from kit.metrics import find_metric

    metrics, rng = [find_metric(name) for name in METRICS], np.random.default_rng(0)
    true = [_drawn(rng, TRUE).judge(metric).value for metric in metrics]
    print(f"\n95 % intervals that hold the true value, {TRIES} data sets each")
    for images in IMAGES:
        held = np.zeros(len(metrics))
        for _ in range(TRIES):
            found = bootstrap(_drawn(rng, images), metrics, Units.of(None, images))
            held += [one is not None and one.low <= value <= one.high for one, value in zip(found, true, strict=True)]
        shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(METRICS, held / TRIES, strict=True))
        print(f"  {images} images: {shares}", flush=True)


def _cover_groups() -> None:
    """Draw images of patients who differ; the accuracy is .8 on average."""
    from kit.evaluation.intervals import Units, bootstrap
    from kit.metrics import find_metric

    rng, metric = np.random.default_rng(0), find_metric("accuracy")
    for patients in (10, 40):
        held = {"groups": 0, "images": 0}
        for _ in range(TRIES):
            scores = _right(np.repeat(rng.beta(4, 1, patients), 10) > rng.random(10 * patients))
            names = [str(index // 10) for index in range(10 * patients)]
            for drawn, groups in (("groups", names), ("images", None)):
                (found,) = bootstrap(scores, [metric], Units.of(groups, len(names)))
                held[drawn] += found is not None and found.low <= 0.8 <= found.high
        shares = ", ".join(f"{drawn} drawn {count / TRIES:.1%}" for drawn, count in held.items())
        print(f"  accuracy of {patients} patients with 10 images each: {shares}", flush=True)


def _time_tables() -> None:
    from kit.evaluation.intervals import Units
    from kit.evaluation.metric_scores import score_metrics, usual_metrics
    from kit.metrics import find_metric

    print(f"\nthe usual metrics of {MANY:,} images with intervals and base rates, one process")
    for scores in _tables():
        target = scores.target
        metrics = usual_metrics(target, find_metric(target.default_metric), are_probabilities=True)
        begin, used = time.perf_counter(), time.process_time()
        found = score_metrics(scores, metrics, units=Units.of(None, MANY), learned=scores.labels)
        wall, cpu = time.perf_counter() - begin, time.process_time() - used
        fewest = min(one.interval.resamples for one in found if one.interval)
        print(f"  {target.counted()}: {wall:.1f} s ({cpu:.1f} s of processors), {fewest} resamples or more", flush=True)


def _drawn(rng: np.random.Generator, images: int) -> Predictions:
    """Draw images of two classes, 40 % of the second, that a model tells apart with an AUC of .8."""
    from kit.inference.predictions import Predictions
    from kit.targets.classes import Classes

    labels = (rng.random(images) < 0.4).astype(np.int32)
    chances = 1 / (1 + np.exp(-rng.normal(2 * labels - 1, 1.7)))
    outputs = np.stack([1 - chances, chances], axis=1).astype(np.float32)
    return Predictions([""] * images, labels, outputs, Classes(names=("a", "b")))


def _right(right: np.ndarray) -> Predictions:
    from kit.inference.predictions import Predictions
    from kit.targets.classes import Classes

    outputs = np.where(right[:, None], (0.9, 0.1), (0.1, 0.9)).astype(np.float32)
    return Predictions([""] * len(right), np.zeros(len(right), np.int32), outputs, Classes(names=("a", "b")))


def _tables() -> list[Predictions]:
    from kit.targets.classes import Classes
    from kit.targets.grades import Grades
    from kit.targets.tags import Tags
    from kit.targets.values import Values

    several = (Classes(names=_names(2)), Classes(names=_names(10)), Classes(names=_names(120)))
    others = (Grades(names=_names(5)), Tags(names=_names(14)), Values.of(["x", "y"], ["1 2", "5 9"]))
    return [_predictions(target) for target in (*several, *others)]


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"{index:03d}" for index in range(count))


def _predictions(target: Target) -> Predictions:
    from kit.inference.predictions import Predictions

    rng, names = np.random.default_rng(0), len(target.names)
    if target.kind() == "values":
        labels = rng.normal(5, 2, (MANY, names)).astype(np.float32)
        outputs = labels + rng.normal(0, 1, labels.shape)
    elif target.kind() == "tags":
        labels = (rng.random((MANY, names)) < 0.2).astype(np.int8)
        outputs = np.clip(0.3 * labels + rng.uniform(0, 0.7, labels.shape), 0, 1)
    else:
        labels = rng.integers(0, names, MANY).astype(np.int32)
        raw = np.exp(rng.normal(0, 1, (MANY, names)) + 3 * np.eye(names)[labels])
        outputs = raw / raw.sum(axis=1, keepdims=True)
    return Predictions([""] * MANY, labels, outputs.astype(np.float32), target)


if __name__ == "__main__":
    run(Path())
