"""A trained model's class probabilities on a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError
from kit.models import build_model
from kit.pipeline import as_float, damage_named, eval_batches
from kit.pipeline.batches import EVAL_BATCH
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory
from kit.shards import Dataset

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
    dataset.shards(split)  # an unknown split is said before the model is built
    model = load_model(run, dataset, weights)
    progress.start(f"predict {split}", dataset.manifest.records(split))
    keys: list[str] = []
    labels, outputs = [], []
    with damage_named(dataset):
        for batch in eval_batches(dataset, split, batch_size=EVAL_BATCH):
            outputs.append(model.predict_on_batch(as_float(batch["image"])))
            labels.append(batch["label"].numpy())
            keys += [key.decode() for key in batch["key"].numpy()]
            progress.advance(len(labels[-1]))
    progress.finish()
    return Scores(keys, np.concatenate(labels), class_probabilities(np.concatenate(outputs)))


def load_model(run: RunDirectory, dataset: Dataset, weights: Weights) -> Any:
    """Build a run's model with its trained weights.

    Raises:
        RunError: the run was trained on other data, or has no such weights yet.
    """
    spec = run.spec()
    if spec.fingerprint != dataset.manifest.fingerprint:
        raise RunError(f"{run.path} was trained on another {spec.dataset}: its shards have changed since")
    path = run.best_weights if weights == "best" else run.last_weights
    if not path.is_file():
        raise RunError(f"{run.path} has no {path.name}; let its training finish by running its command again")
    model = build_model(spec.model, dataset.shape, len(dataset.manifest.classes), seed=spec.seed)
    model.load_weights(path)
    return model


def class_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a model's outputs, [n, 1] sigmoid or [n, classes] softmax, into [n, classes] probabilities."""
    if outputs.shape[1] == 1:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs
