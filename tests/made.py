"""Made-up runs and small datasets of any target, with metrics and labels chosen by a test."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.conversion.build_dataset import build_dataset
from kit.conversion.conversion import Conversion, describe_source
from kit.datasets import Dataset
from kit.engines import engine_for
from kit.files import write_whole
from kit.inference.predictions import Predictions
from kit.runs import RunDirectory, RunResult
from kit.sources import Record, Source
from kit.sources.arrays import array_records
from kit.specs import RunSpec, ShardSpec, SourceSpec, TrainSpec, override, to_json
from kit.specs.schedule import ScheduleSpec
from kit.specs.train import EarlyStoppingSpec
from kit.targets import Head, Target
from kit.targets.classes import Classes
from kit.workspace import Workspace

FINGERPRINT = "0123456789abcdef"
AS_TRAINED = TrainSpec(  # as a run of two classes keeps it, judged by accuracy
    loss="crossentropy",
    metrics=("accuracy",),
    monitor="val_accuracy",
    early_stopping=EarlyStoppingSpec(monitor="val_loss"),
    schedule=ScheduleSpec(monitor="val_loss"),
)


@dataclass(frozen=True)
class Made:
    """An ablation's folder."""

    folder: Path

    def plan(self, *arms: str, refused: Mapping[str, str] | None = None) -> Path:
        plan = {"arms": arms, "recipe": "", "refused": refused or {}}
        write_whole(self.folder / "ablation.json", json.dumps(plan))
        return self.folder

    def begin(
        self,
        arm: str,
        seed: int,
        metrics: Mapping[str, Sequence[float]],
        *,
        settings: Mapping[str, object] | None = None,
        fold: int | None = None,
        fingerprint: str = FINGERPRINT,
    ) -> RunDirectory:
        """Write a run without its result."""
        name = f"seed-{seed}" if fold is None else f"seed-{seed}-fold-{fold}"
        run = RunDirectory(self.folder / arm / name)
        spec = RunSpec(dataset="made", fingerprint=fingerprint, arm=arm, seed=seed, fold=fold, train=AS_TRAINED)
        write_whole(run.path / "spec.json", to_json(override(spec, settings or {})))
        rows = [
            {"epoch": epoch, **dict(zip(metrics, values, strict=True)), "seconds": 1.0}
            for epoch, values in enumerate(zip(*metrics.values(), strict=True), start=1)
        ]
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(run.path / "history.csv", text.getvalue())
        return run

    def finish(
        self,
        arm: str,
        seed: int,
        values: Sequence[float],
        *,
        settings: Mapping[str, object] | None = None,
        fold: int | None = None,
        fingerprint: str = FINGERPRINT,
        more: Mapping[str, Sequence[float]] | None = None,
    ) -> RunDirectory:
        """Write a finished run of these validation accuracies over the epochs."""
        metrics = {"accuracy": [0.9] * len(values), "val_accuracy": list(values), **(more or {})}
        run = self.begin(arm, seed, metrics, settings=settings, fold=fold, fingerprint=fingerprint)
        final = {name: column[-1] for name, column in metrics.items()}
        run.finish(
            RunResult(
                epochs=len(values),
                best_epoch=1,
                final=final,
                best=final,
                parameters=10,
                trainable_parameters=10,
                seconds_per_epoch=1.0,
            )
        )
        return run


def class_target(count: int) -> Classes:
    """Make a target of so many classes, called 0, 1, and so on."""
    return Classes(names=tuple(map(str, range(count))))


def class_head(count: int) -> Head:
    """Choose the last layer of a network for so many classes."""
    return class_target(count).head()


def class_predictions(
    keys: list[str], labels: NDArray[np.int32], probabilities: NDArray[np.float32], classes: Sequence[str] = ()
) -> Predictions:
    """Make predictions of classes, called 0, 1, and so on unless they have names."""
    target = Classes(names=tuple(classes)) if classes else class_target(probabilities.shape[1])
    return Predictions(keys, labels, probabilities, target)


def respecify(run: RunDirectory, spec: RunSpec) -> None:
    """Give a finished run other settings, as if it had been trained with them."""
    result = run.result()
    write_whole(run.path / "spec.json", to_json(spec))
    run.finish(result)


def predict(run: RunDirectory, truth: Sequence[int], chances: Sequence[float], *, first: int = 0) -> None:
    """Write a run's validation predictions: of each image its class, and the probability of the second of two."""
    rows = [
        f"image-{number},{('no', 'yes')[label]},{1 - chance:.9g},{chance:.9g}\n"
        for number, (label, chance) in enumerate(zip(truth, chances, strict=True), start=first)
    ]
    write_whole(run.predictions, "id,label,no,yes\n" + "".join(rows))


def target_predictions(target: Target, images: int, *, seed: int = 0, number: bool = False) -> Predictions:
    """Make predictions of a target that are right more often than not, of image-0, image-1, and so on.

    Args:
        target: Target of the labels.
        images: Number of images.
        seed: Seed of labels and predictions.
        number: Whether grades are predicted as a number.
    """
    rng, names = np.random.default_rng(seed), len(target.names)
    labels = {
        "classes": lambda: rng.integers(0, names, images).astype(np.int32),
        "grades": lambda: rng.integers(0, names, images).astype(np.int32),
        "tags": lambda: (rng.random((images, names)) < np.linspace(0.2, 0.6, names)).astype(np.int8),
        "values": lambda: rng.normal(5, 2, (images, names)).astype(np.float32),
    }[target.kind()]()
    if target.kind() == "values":
        outputs = labels + rng.normal(0, 1, labels.shape)
    elif target.kind() == "tags":
        outputs = np.clip(0.3 * labels + rng.uniform(0, 0.7, labels.shape), 0, 1)
    elif number:
        outputs = labels[:, None] + rng.normal(0.3, 0.7, (images, 1))
    else:
        weights = rng.uniform(0.01, 1, (images, names)) + np.eye(names)[labels] * 0.5
        outputs = weights / weights.sum(axis=1, keepdims=True)
    return Predictions([f"image-{index}" for index in range(images)], labels, outputs.astype(np.float32), target)


def labelled_records(
    labels: Sequence[str | None], *, side: int = 8, seed: int = 0, split: str | None = None
) -> list[Record]:
    """Make records of random colour images with these labels."""
    images = np.random.default_rng(seed).integers(0, 255, (len(labels), side, side, 3), np.uint8)
    records = array_records(images, None, split=split)
    return [
        msgspec.structs.replace(record, label=label, key=f"{split or 'image'}-{record.key}")
        for record, label in zip(records, labels, strict=True)
    ]


def dataset_of(
    root: Path,
    target: Target,
    labels: Sequence[str],
    *,
    unlabelled: int = 0,
    spec: ShardSpec | None = None,
    name: str = "made",
) -> Dataset:
    """Shard random images with these labels, and a test split of so many without."""
    tested = labelled_records([None] * unlabelled, seed=1, split="test") if unlabelled else []
    records = (*labelled_records(labels), *tested)
    source, asked = Source(records=records, target=target), SourceSpec(folder="arrays")
    info = describe_source(source, asked)
    conversion = Conversion(name=name, source=source, info=info, spec=spec or ShardSpec())
    return build_dataset(conversion, workspace=Workspace.at(root), engine=engine_for(1))


def count_colours(picture: NDArray[np.uint8]) -> int:
    """Count the distinct colours of a picture, each as one number: rows of three are sorted far more slowly."""
    return len(np.unique(picture @ np.array([1 << 16, 1 << 8, 1])))
