"""One run: the readable fit."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np

from kit.files import locked, whole_file, write_whole
from kit.pipeline import MEMORY_SHARE, damage_named, train_batches, validation_batches
from kit.progress import NO_PROGRESS, Progress
from kit.runs import History, RunDirectory, RunResult
from kit.runs.history import best_epoch
from kit.shards import Dataset
from kit.specs import RunSpec, to_json
from kit.training.callbacks import Averages, Deadline, Drops, Pace, Recorder, StepProgress, note_settings, tensorboard
from kit.training.check import check_spec, measuring_batch
from kit.training.compiled import averaged, lent_model
from kit.training.devices import describe_environment, prepare_devices
from kit.training.pace import NO_LIMIT, Limit, has_stopped, smaller_is_better
from kit.training.score import refuse_changed, score_split


def train_run(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    memory_share: float = MEMORY_SHARE,
    shared: Path | None = None,
    limit: Limit = NO_LIMIT,
    progress: Progress = NO_PROGRESS,
) -> RunResult | None:
    """Train to the end, or to a limit, from the last epoch that `directory` holds.

    Args:
        dataset: with a train and a validation split.
        spec: of the run.
        directory: the run's; a finished run is not trained again.
        memory_share: of the machine's memory that decoded images may fill.
        shared: folder in which decoded images lie for several processes.
        limit: where to stop for now.
        progress: sees every step.

    Returns:
        None if the limit came before the end; the next call goes on from there to the same numbers.

    Raises:
        RunError: the directory holds a run of other settings, or the dataset is not the run's.
        WorkspaceError: another process is training it.
    """
    refuse_changed(directory.path, spec, dataset)
    dataset = dataset.for_fold(spec.fold)
    check_spec(spec, dataset)  # before anything is written
    with locked(directory.path):
        directory.refuse_other(spec)
        if directory.is_finished:
            return directory.result()
        return _train(
            dataset, spec, directory, memory_share=memory_share, shared=shared, limit=limit, progress=progress
        )


def _train(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    memory_share: float,
    shared: Path | None,
    limit: Limit,
    progress: Progress,
) -> RunResult | None:
    prepare_devices(spec.train.threads)
    steps = dataset.full_batches("train", spec.train.batch_size)
    with lent_model(spec, dataset) as model:  # before anything is written: a backbone's weights may not be at hand
        directory.claim(spec)
        begun = _restore(model, directory)
        write_whole(directory.environment, to_json(describe_environment()))
        history = directory.history()
        fold = "" if spec.fold is None else f", fold {spec.fold}"
        progress.start(f"train {spec.arm}{fold}", spec.train.epochs * steps)
        progress.advance(begun * steps)
        if begun == 0:
            note_settings(directory, spec)
        epochs = spec.train.epochs if limit.epochs is None else min(limit.epochs, spec.train.epochs)
        if begun < epochs and not has_stopped(history, spec):
            with damage_named(dataset):
                _fit(
                    model,
                    dataset,
                    spec,
                    directory,
                    history,
                    epochs=epochs,
                    deadline=limit.deadline,
                    memory_share=memory_share,
                    shared=shared,
                    progress=progress,
                )
        progress.finish()
        if len(history.rows) < spec.train.epochs and not has_stopped(history, spec):
            return None
        return _finish(model, directory, history, spec, dataset, shared=shared)


def _fit(
    model: Any,
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    history: History,
    *,
    epochs: int,
    deadline: float,
    memory_share: float,
    shared: Path | None,
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
            shared=shared,
            augment=spec.augment,
            sampling=spec.train.sampling,
            class_weights=_class_weights(spec, dataset),
        ),
        validation_data=validation_batches(
            dataset, batch_size=measuring_batch(spec.model, dataset), memory_share=memory_share, shared=shared
        ),
        steps_per_epoch=dataset.full_batches("train", spec.train.batch_size),
        initial_epoch=begun,
        epochs=epochs,
        callbacks=[
            Drops(),
            Averages(),
            Recorder(directory, history, spec.train.monitor),
            Pace(history, spec.train),
            Deadline(history, deadline),
            tensorboard(directory, histograms=spec.train.histograms),
            StepProgress(progress),
        ],
        verbose=0,
        shuffle=False,  # train_batches does
    )


def _class_weights(spec: RunSpec, dataset: Dataset) -> list[float] | None:
    """Weigh each class by its rarity in the train split, so that an image weighs 1 on average."""
    if spec.train.class_weights == "none":
        return None
    counts = dataset.manifest.counts["train"]
    share = sum(counts.values()) / len(dataset.manifest.classes)
    return [share / counts[name] for name in dataset.manifest.classes]


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


def _finish(
    model: Any, directory: RunDirectory, history: History, spec: RunSpec, dataset: Dataset, *, shared: Path | None
) -> RunResult:
    best = best_epoch(history.column(spec.train.monitor), smaller_is_better=smaller_is_better(spec.train.monitor))
    metrics = history.metrics()
    result = RunResult(
        epochs=len(history.rows),
        best_epoch=None if best is None else best + 1,
        final=metrics[-1],
        best=metrics[-1 if best is None else best],
        parameters=model.count_params(),
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        seconds_per_epoch=statistics.median(history.column("seconds")),
    )
    last = directory.checkpoint(len(history.rows))
    with averaged(model), whole_file(directory.last_weights) as temporary:
        model.save_weights(str(temporary))
    scores = score_split(directory, dataset, "validation", shared=shared)
    write_whole(directory.predictions, scores.csv(dataset.manifest.classes))
    directory.finish(result)
    last.unlink()
    return result
