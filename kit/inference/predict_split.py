"""Class probabilities of a trained model on a split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kit.datasets import Dataset
from kit.datasets.verify import reading
from kit.errors import RunError, ShardError
from kit.files import is_sealed
from kit.inference.batch_size import measuring_batch
from kit.inference.predictions import Predictions
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunSnapshot
from kit.sources import UNLABELLED
from kit.specs import RunSpec, override
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views
from kit.storage import shown
from kit.targets import Head


def predict_split(
    run: RunDirectory,
    dataset: Dataset,
    split: str,
    *,
    weights: Weights | None = None,
    views: Views = ONE_VIEW,
    shared: Path | None = None,
    batches: range | None = None,
    task: str = "",
    progress: Progress = NO_PROGRESS,
) -> Predictions:
    """Predict every example of a split; for a run on a fold, "validation" is that fold and "train" all others.

    Args:
        run: Run with the weights.
        dataset: Dataset that it was trained on.
        split: Name of the split.
        weights: Epoch of the weights, "best" or "last"; the run's setting `train.evaluate` by default.
        views: Views of each image, whose probabilities are averaged, all of them also above 1,000 classes.
        shared: Folder of decoded images shared by several processes; None decodes the images batch by batch.
        batches: Indices of the batches to predict; None predicts all. Outputs are those of all, to the last bit.
        task: Name of the task for `progress`; "predict" and the split otherwise.
        progress: Receiver of every batch.

    Returns:
        Predictions; above 1,000 classes the 20 likeliest of each image, reduced batch by batch.

    Raises:
        RunError: The run was trained on other data, or has no such weights yet.
        ShardError: There is no such split.
        SpecError: The views do not fit the images.
    """
    run = RunSnapshot.of(run)
    spec, path = run.spec(), refuse_unscorable(run, dataset, split, weights=weights, views=views)
    dataset = dataset.for_fold(spec.fold)
    from kit.compat import note_other_lane  # noqa: PLC0415 (TensorFlow, after all checks)
    from kit.pipeline import MEMORY_SHARE, as_float, batch_views, damage_named, eval_batches  # noqa: PLC0415

    model, head, target = _load_model(path, run, dataset), head_of(run, dataset), dataset.manifest.target
    keys: list[str] = []
    labels, outputs = [], []
    with reading(dataset, [split], progress), damage_named(dataset):
        size, share = measuring_batch(spec.model, dataset), MEMORY_SHARE if shared else 0
        first = batches.start if batches else 0
        progress.start(task or f"predict {split}", _images(dataset, split, size, batches))
        progress.advance(0, note_other_lane(run.keras))
        if first:  # as at a split's beginning: traced for a short batch only, a model rounds differently
            model.predict_on_batch(np.zeros((size, *dataset.shape), np.float32))
        given = eval_batches(dataset, split, batch_size=size, memory_share=share, shared=shared, batches=batches)
        for number, batch in enumerate(given, start=first):
            images = batch_views(as_float(batch["image"]), views, spec.augment, number)
            mean = np.mean([model.predict_on_batch(view) for view in images], axis=0)
            outputs.append(target.kept(head.predictions(mean)))  # now: all of many classes may not fit into memory
            labels.append(batch["label"].numpy())
            keys += [key.decode() for key in batch["key"].numpy()]
            progress.advance(len(labels[-1]))
    progress.finish()
    return Predictions(keys, np.concatenate(labels), np.concatenate(outputs), target)


def _images(dataset: Dataset, split: str, size: int, batches: range | None) -> int:
    """Count the images in some of a split's batches, or in all."""
    records = dataset.manifest.records(split)
    return records if batches is None else min(records, batches.stop * size) - batches.start * size


def trained_model(run: RunDirectory, dataset: Dataset, weights: Weights | None = None) -> Any:
    """Load a run's model: keras.Model from float32 images in 0 to 1 to outputs for its `head_of`.

    Raises:
        RunError: The run was trained on other data, or has no such weights yet.
    """
    return _load_model(weights_file(run, dataset, weights), run, dataset)


def refuse_unscorable(
    run: RunDirectory, dataset: Dataset, split: str, *, weights: Weights | None, views: Views
) -> Path:
    """Check the arguments of `predict_split` before TensorFlow is loaded; see there.

    Returns:
        The file of the run's weights.
    """
    dataset.shards(split)
    views.refuse(dataset.shape, run.spec().augment)
    return weights_file(run, dataset, weights)


def refuse_changed(run: Path, spec: RunSpec, dataset: Dataset) -> None:
    """Refuse a dataset other than the run's.

    Raises:
        RunError: The dataset has other images, labels or splits.
    """
    if spec.fingerprint != dataset.manifest.fingerprint:
        raise RunError(
            f"{shown(run)} was trained on another {spec.dataset}: its shards have changed since"
            f" ({spec.fingerprint} then, {dataset.manifest.fingerprint} now); shard it as before, or train again"
        )


def refuse_unlabelled(dataset: Dataset, split: str) -> None:
    """Refuse a split without labels.

    Raises:
        ShardError: The split has no labels.
    """
    if UNLABELLED in dataset.manifest.counts.get(split, {}):
        raise ShardError(f"split '{split}' of {dataset.manifest.name} has no labels; name another")


def weights_file(run: RunDirectory, dataset: Dataset, weights: Weights | None) -> Path:
    """Find a run's trained weights for `dataset`.

    Raises:
        RunError: The run was trained on other data, has no such weights yet, or they were changed.
    """
    refuse_changed(run.path, run.spec(), dataset)
    path = run.weights(weights)
    if not path.is_file():
        again = f"remove the folder {run.path} and run" if run.is_finished else "let its training finish by running"
        raise RunError(f"{run.path} has no {path.name}; {again} its command again")
    run.checked(path)
    return path


def _load_model(path: Path, run: RunDirectory, dataset: Dataset) -> Any:
    from kit.compat import load_weights  # noqa: PLC0415 (TensorFlow)
    from kit.models.build import build_model  # noqa: PLC0415

    spec = run.spec()
    untrained = override(spec.model, {"backbone.weights": "none"})  # its weights are in the run's own file
    head = head_of(run, dataset)
    model = build_model(untrained, dataset.shape, head, seed=spec.seed, precision=spec.train.precision)
    damaged = RunError(f"{path} is damaged; remove the folder {run.path} and run its command again")
    try:
        if not (run.knows(path) or is_sealed(path)):  # a file with a few wrong bits can still be read
            raise damaged
        load_weights(model, path)
    except (OSError, ValueError, KeyError) as error:
        raise damaged from error
    return model


def head_of(run: RunDirectory, dataset: Dataset) -> Head:
    """Choose the last layer that a run's network has."""
    spec = run.spec()
    return dataset.manifest.target.head(spec.model.head, spec.train.loss)
