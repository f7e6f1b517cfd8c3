"""One run: the readable fit."""

from __future__ import annotations

import csv
import io
import statistics
from typing import Any

import numpy as np

from kit.compat import keras
from kit.files import locked, write_whole
from kit.models import build_model
from kit.pipeline import damage_named, train_batches, validation_batches
from kit.pipeline.batches import MEMORY_SHARE
from kit.progress import NO_PROGRESS, Progress
from kit.runs import History, RunDirectory, RunResult
from kit.runs.history import best_epoch
from kit.shards import Dataset
from kit.specs import RunSpec, TrainSpec, to_json
from kit.training.callbacks import Recorder, StepProgress, tensorboard
from kit.training.devices import choose_strategy, describe_environment, prepare_devices
from kit.training.score import Scores, refuse_changed, score_split
from kit.training.train import check_spec


def train_run(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    memory_share: float = MEMORY_SHARE,
    progress: Progress = NO_PROGRESS,
) -> RunResult:
    """Train to the end, from the last epoch that `directory` holds.

    Args:
        dataset: with a train and a validation split.
        spec: of the run.
        directory: the run's; a finished run is not trained again.
        memory_share: of the machine's memory that decoded images may fill.
        progress: sees every step.

    Raises:
        RunError: the directory holds a run of other settings, or the dataset is not the run's.
        WorkspaceError: another process is training it.
    """
    refuse_changed(directory.path, spec, dataset)
    check_spec(spec, dataset)  # before anything is written
    with locked(directory.path):
        directory.claim(spec)
        return directory.result() if directory.is_finished else _train(dataset, spec, directory, memory_share, progress)


def _train(
    dataset: Dataset, spec: RunSpec, directory: RunDirectory, memory_share: float, progress: Progress
) -> RunResult:
    prepare_devices(spec.train.threads)
    steps = dataset.full_batches("train", spec.train.batch_size)
    model = compiled_model(spec, dataset)
    begun = _restore(model, directory)
    write_whole(directory.environment, to_json(describe_environment()))
    history = directory.history()
    progress.start(f"train {spec.arm}", spec.train.epochs * steps)
    progress.advance(begun * steps)
    if begun < spec.train.epochs:
        with damage_named(dataset):
            _fit(model, dataset, spec, directory, history, memory_share=memory_share, progress=progress)
    progress.finish()
    return _finish(model, directory, history, spec, dataset)


def _fit(
    model: Any,
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    history: History,
    *,
    memory_share: float,
    progress: Progress,
) -> None:
    begun = len(history.rows)
    model.fit(
        train_batches(
            dataset,
            batch_size=spec.train.batch_size,
            seed=spec.seed,
            first_epoch=begun,
            memory_share=memory_share,
        ),
        validation_data=validation_batches(dataset, memory_share=memory_share),
        steps_per_epoch=dataset.full_batches("train", spec.train.batch_size),
        initial_epoch=begun,
        epochs=spec.train.epochs,
        callbacks=[
            Recorder(directory, history, spec.train.monitor),
            tensorboard(directory),
            StepProgress(progress),
        ],
        verbose=0,
        shuffle=False,  # train_batches does
    )


def compiled_model(spec: RunSpec, dataset: Dataset) -> Any:
    """Build a run's model on its devices, ready to fit."""
    keras.utils.set_random_seed(spec.seed)
    strategy = choose_strategy()
    classes = len(dataset.manifest.classes)
    with strategy.scope():
        # Each replica's own statistics would be those of a smaller batch, and change what an arm means.
        model = build_model(
            spec.model,
            dataset.shape,
            classes,
            seed=spec.seed,
            synchronized=strategy.num_replicas_in_sync > 1,
        )
        model.compile(
            optimizer=_optimizer(spec.train),
            loss="binary_crossentropy" if classes == 2 else "sparse_categorical_crossentropy",  # noqa: PLR2004
            metrics=["accuracy"],
        )
        model.optimizer.build(model.trainable_variables)
    return model


def _optimizer(spec: TrainSpec) -> Any:
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[spec.optimizer](learning_rate=spec.learning_rate)


def _restore(model: Any, directory: RunDirectory) -> int:
    """Load the newest sound checkpoint that has all its history lines; return its epoch, 0 for none."""
    history = directory.history()
    for epoch in directory.checkpoints():
        if epoch > len(history.rows):
            continue
        try:
            model.load_weights(directory.checkpoint(epoch))
        except (OSError, ValueError, KeyError):  # damaged: the one before gives the same numbers
            continue
        history.cut(epoch)
        return epoch
    history.cut(0)
    return 0


def _finish(model: Any, directory: RunDirectory, history: History, spec: RunSpec, dataset: Dataset) -> RunResult:
    best = best_epoch(history.column(spec.train.monitor), smaller_is_better=spec.train.monitor == "val_loss")
    metrics = [{name: value for name, value in row.items() if name not in {"epoch", "seconds"}} for row in history.rows]
    result = RunResult(
        epochs=len(history.rows),
        best_epoch=None if best is None else best + 1,
        final=metrics[-1],
        best=metrics[-1 if best is None else best],
        parameters=model.count_params(),
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        seconds_per_epoch=statistics.median(history.column("seconds")),
    )
    last = directory.checkpoint(spec.train.epochs)
    write_whole(directory.last_weights, last.read_bytes())
    scores = score_split(directory, dataset, "validation")
    write_whole(directory.predictions, _predictions_csv(scores, dataset.manifest.classes))
    directory.finish(result)
    last.unlink()
    return result


def _predictions_csv(scores: Scores, classes: tuple[str, ...]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", *classes])
    for key, label, row in zip(scores.keys, scores.labels, scores.probabilities, strict=True):
        writer.writerow([key, classes[label], *(f"{value:.7g}" for value in row)])
    return text.getvalue()
