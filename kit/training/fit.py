"""Trains one run."""

from __future__ import annotations

import contextlib
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.compat import refuse_other_lane
from kit.datasets import Dataset
from kit.datasets.verify import reading
from kit.errors import require
from kit.files import write_whole
from kit.inference.predict_split import predict_split, refuse_changed
from kit.locks import locked
from kit.pipeline import MEMORY_SHARE, damage_named, map_split, train_batches, train_examples, validation_batches
from kit.progress import NO_PROGRESS, Progress
from kit.runs import BEGIN, History, RunDirectory, RunResult
from kit.runs.stored import keep_state, upload_run
from kit.specs import RunSpec, to_json
from kit.specs.device_list import AUTO, Devices
from kit.specs.train import CHECKPOINT_MINUTES
from kit.targets.balancing import balanced_weights
from kit.training.callbacks import (
    Averages,
    Deadline,
    DropoutSeeds,
    Recorder,
    StateKeeper,
    StepProgress,
    StopAndSchedule,
    StopIfReplaced,
    note_settings,
    tensorboard,
)
from kit.training.check import check_spec, validating_batch
from kit.training.checkpoint import Restored, restore
from kit.training.compile import averaged, lent_model
from kit.training.devices import describe_environment, prepare_devices
from kit.training.early_stopping import NO_LIMIT, Limit, chosen_epoch, has_stopped
from kit.training.full_disk import WeightsFile, full_disk_named
from kit.training.lr_schedule import first_rate
from kit.training.progressive_resizing import next_piece, sides_of
from kit.training.training_warnings import doubt_averages, doubt_columns, doubt_result


def train_run(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    memory_share: float = MEMORY_SHARE,
    shared: Path | None = None,
    devices: Devices = AUTO,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    limit: Limit = NO_LIMIT,
    progress: Progress = NO_PROGRESS,
) -> RunResult | None:
    """Train to the end, or to a limit, from the last checkpoint in `directory`.

    Args:
        dataset: Dataset with a train and a validation split.
        spec: Settings of the run.
        directory: Directory of the run; a finished run is not trained again.
        memory_share: Share of the machine's memory that decoded images may fill if `train.cache` is "auto".
        shared: Folder of decoded images shared by several processes.
        devices: Devices to train on.
        checkpoint_minutes: Minutes between checkpoints within an epoch; each epoch's end has one anyway.
        limit: Point at which to interrupt the training.
        progress: Receiver of every step.

    Returns:
        Result of the run; None if it was interrupted by the limit. The next call resumes it, with the same results.

    Raises:
        SpecError: A device does not exist, or the minutes are below 0.
        RunError: The directory holds a run of other settings or of the other lane, or the dataset is not the run's.
        BusyError: Another process is training the run.
    """
    require(checkpoint_minutes >= 0, f"checkpoint_minutes must be 0 or more, got {checkpoint_minutes}")
    refuse_changed(directory.path, spec, dataset)
    dataset = dataset.for_fold(spec.fold)
    check_spec(spec, dataset, devices)  # before anything is written
    with locked(directory.path), full_disk_named(directory.tensorboard):
        directory.refuse_other(spec)
        if directory.is_finished:
            return directory.result()
        if directory.checkpoints():
            refuse_other_lane(directory.path, directory.keras)
        return _train(
            dataset,
            spec,
            directory,
            memory_share=memory_share,
            shared=shared,
            devices=devices,
            every=60 * checkpoint_minutes,
            limit=limit,
            progress=progress,
        )


def _train(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    memory_share: float,
    shared: Path | None,
    devices: Devices,
    every: float,
    limit: Limit,
    progress: Progress,
) -> RunResult | None:
    advice = prepare_devices(spec.train.threads, devices)
    steps = dataset.full_batches("train", spec.train.batch_size)
    with (
        reading(dataset, ("train", "validation"), progress),
        lent_model(spec, dataset) as model,  # before anything is written: a backbone's weights may be missing
    ):
        directory.claim(spec)
        write_whole(directory.environment, to_json(describe_environment()))
        history = directory.history()
        begin = restore(model, directory, history)
        folder = shared
        if spec.train.cache == "disk":
            folder = _on_disk(dataset, shared or directory.decoded, progress)
        fold = "" if spec.fold is None else f", fold {spec.fold}"
        progress.start(f"train {spec.arm}{fold}", spec.train.epochs * steps)
        progress.advance(begin.position.epochs * steps + begin.position.steps, advice)
        progress.advance(0, doubt_averages(spec, dataset))
        progress.advance(0, doubt_columns(spec.train.metrics, dataset.manifest))
        if begin.position == BEGIN:
            shutil.rmtree(directory.tensorboard, ignore_errors=True)  # of failed attempts
            note_settings(directory, spec)
        until = spec.train.epochs if limit.epochs is None else min(limit.epochs, spec.train.epochs)
        if begin.position.epochs < until and not has_stopped(history, spec):
            with damage_named(dataset), _kept(directory):
                _fit(
                    model,
                    dataset,
                    spec,
                    directory,
                    history,
                    begin=begin,
                    until=until,
                    every=every,
                    deadline=limit.deadline,
                    memory_share=memory_share,
                    shared=folder,
                    progress=progress,
                )
        progress.finish()
        if len(history.rows) < spec.train.epochs and not has_stopped(history, spec):
            keep_state(directory)
            return None
        return finish_run(model, directory, history, spec, dataset, shared=shared if folder is shared else None)


def _fit(
    model: Any,
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    history: History,
    *,
    begin: Restored,
    until: int,
    every: float,
    deadline: float,
    memory_share: float,
    shared: Path | None,
    progress: Progress,
) -> None:
    """Train piece by piece up to a number of epochs, or until a callback ends the training."""
    steps = dataset.full_batches("train", spec.train.batch_size)
    kept: dict[str, Any] = {"cache": spec.train.cache, "memory_share": memory_share, "shared": shared}
    examples = train_examples(dataset, sampling=spec.train.sampling, **kept)
    head = dataset.manifest.target.head(spec.model.head, spec.train.loss)
    measured = validating_batch(spec.model, dataset, model.distribute_strategy.num_replicas_in_sync)
    validation = validation_batches(dataset, head, batch_size=measured, **kept)
    while piece := next_piece(begin.position, until, spec.train):
        batches = train_batches(
            dataset,
            head,
            batch_size=spec.train.batch_size,
            seed=spec.seed,
            first_epoch=piece.begin.epochs,
            first_step=piece.begin.steps,
            sides=None if piece.side is None else sides_of(dataset.shape, piece.side),
            examples=examples,
            augment=spec.augment,
            sampling=spec.train.sampling,
            class_weights=class_weights(spec, dataset),
        )
        left = steps - piece.begin.steps
        if spec.train.progressive:
            model.train_function = None  # else the second size is traced for any size, which rounds differently
        model.fit(
            batches.take(left)
            if piece.begin.steps
            else batches,  # calls of several steps may begin at other steps than before
            validation_data=validation,
            steps_per_epoch=left,
            initial_epoch=piece.begin.epochs,
            epochs=piece.end,
            callbacks=[
                DropoutSeeds(),
                Averages(),
                StopIfReplaced(dataset),
                Recorder(directory, history, spec.train, begin, every),
                *([StateKeeper(directory)] if directory.stored else []),
                StopAndSchedule(history, spec.train, first_rate(spec.train)),
                Deadline(history, deadline),
                tensorboard(directory, histograms=spec.train.histograms),
                StepProgress(progress, history, spec.train, spec.fold),
            ],
            verbose=0,
            shuffle=False,  # done by train_batches
        )
        begin = restore(model, directory, history)  # a fit with EMA ends with averaged weights
        if model.stop_training or piece.end == until:
            return


@contextlib.contextmanager
def _kept(directory: RunDirectory) -> Iterator[None]:
    """Keep the state of a training that is stopped in the store of its workspace, if it has one."""
    try:
        yield
    except BaseException:
        keep_state(directory)
        raise


def _on_disk(dataset: Dataset, folder: Path, progress: Progress) -> Path:
    """Decode the images of the training into `folder`."""
    with damage_named(dataset):
        for split in ("train", "validation"):
            map_split(dataset, split, folder, progress=progress)
    return folder


def class_weights(spec: RunSpec, dataset: Dataset) -> NDArray[np.float64] | None:
    """Compute weights of classes, grades or tags by rarity in the train split; see `balanced_weights`."""
    if spec.train.class_weights == "none":
        return None
    manifest = dataset.manifest
    return balanced_weights(manifest.target, manifest.counts["train"], manifest.records("train"))


def finish_run(
    model: Any,
    directory: RunDirectory,
    history: History,
    spec: RunSpec,
    dataset: Dataset,
    *,
    shared: Path | None = None,
) -> RunResult:
    """Write the last weights, the predictions and the result of a training that is at its end.

    Args:
        model: Model after the last epoch.
        directory: Directory of the run.
        history: History of the run.
        spec: Settings of the run.
        dataset: Dataset that it was trained on.
        shared: Folder of decoded images shared by several processes.
    """
    best = chosen_epoch(history.column(spec.train.monitor), spec.train)
    metrics = history.metrics()
    with averaged(model):
        WeightsFile(model).write_to(directory.last_weights)
    scores = predict_split(directory, dataset, "validation", shared=shared)
    write_whole(directory.predictions, scores.csv())
    result = RunResult(
        epochs=len(history.rows),
        best_epoch=None if best is None else best + 1,
        final=metrics[-1],
        best=metrics[-1 if best is None else best],
        parameters=model.count_params(),
        trainable_parameters=sum(int(np.prod(weight.shape)) for weight in model.trainable_weights),
        seconds_per_epoch=statistics.median(history.column("seconds")),
        doubt=doubt_result(scores, dataset.manifest.classes),
    )
    directory.finish(result)
    directory.drop_checkpoints(kept=0)
    shutil.rmtree(directory.decoded, ignore_errors=True)
    upload_run(directory)
    return result
