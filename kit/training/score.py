"""A trained model's class probabilities on a split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.shards import Dataset
from kit.specs import RunSpec

Weights = Literal["best", "last"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Predictions in the split's stored order.

    Attributes:
        keys: of the n examples.
        labels: int32 [n]; -1 where there is none.
        probabilities: float32 [n, classes]; each row sums to 1.
    """

    keys: list[str]
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]


def score_split(
    run: RunDirectory,
    dataset: Dataset,
    split: str,
    *,
    weights: Weights = "best",
    progress: Progress = NO_PROGRESS,
) -> Scores:
    """Predict every example of a split.

    Raises:
        RunError: the run was trained on other data, or has no such weights yet.
        ShardError: no such split.
    """
    dataset.shards(split)
    path = _weights_file(run, dataset, weights)
    from kit.pipeline import as_float, damage_named, eval_batches  # noqa: PLC0415 (TensorFlow, after all checks)

    model = _load_model(path, run, dataset)
    progress.start(f"predict {split}", dataset.manifest.records(split))
    keys: list[str] = []
    labels, outputs = [], []
    with damage_named(dataset):
        for batch in eval_batches(dataset, split):
            outputs.append(model.predict_on_batch(as_float(batch["image"])))
            labels.append(batch["label"].numpy())
            keys += [key.decode() for key in batch["key"].numpy()]
            progress.advance(len(labels[-1]))
    progress.finish()
    return Scores(keys, np.concatenate(labels), class_probabilities(np.concatenate(outputs)))


def refuse_changed(run: Path, spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a dataset that a run was not trained on.

    Raises:
        RunError: it has other images, labels or splits.
    """
    if spec.fingerprint != dataset.manifest.fingerprint:
        raise RunError(
            f"{run} was trained on another {spec.dataset}: its shards have changed since"
            f" ({spec.fingerprint} then, {dataset.manifest.fingerprint} now); shard it as it was, or train anew"
        )


def _weights_file(run: RunDirectory, dataset: Dataset, weights: Weights) -> Path:
    """Find a run's trained weights for `dataset`."""
    refuse_changed(run.path, run.spec(), dataset)
    path = run.best_weights if weights == "best" else run.last_weights
    if not path.is_file():
        again = f"remove the folder {run.path} and run" if run.is_finished else "let its training finish by running"
        raise RunError(f"{run.path} has no {path.name}; {again} its command again")
    return path


def _load_model(path: Path, run: RunDirectory, dataset: Dataset) -> Any:
    from kit.models import build_model  # noqa: PLC0415 (TensorFlow)

    spec = run.spec()
    model = build_model(spec.model, dataset.shape, len(dataset.manifest.classes), seed=spec.seed)
    try:
        model.load_weights(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"{path} is damaged; remove the folder {run.path} and run its command again") from error
    return model


def class_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a model's outputs, [n, 1] sigmoid or [n, classes] softmax, into [n, classes] probabilities."""
    if outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs
