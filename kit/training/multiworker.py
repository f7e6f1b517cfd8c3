"""Trains one run on several machines in step; the chief alone writes it."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from xxhash import xxh3_128

from kit.compat import (
    abort_collectives,
    keras_version,
    needs_keras_3,
    tensorflow_version,
    tf,
)
from kit.datasets import Dataset
from kit.datasets.verify import reading
from kit.errors import PeerError, as_options, option, require
from kit.files import write_whole
from kit.inference.predict_split import refuse_changed
from kit.locks import locked
from kit.pipeline import damage_named, train_batches, validation_batches
from kit.progress import NO_PROGRESS, Progress
from kit.runs import BEGIN, History, RunDirectory
from kit.specs import RunSpec, to_json
from kit.specs.device_list import AUTO, Devices
from kit.specs.train import CHECKPOINT_MINUTES
from kit.training.callbacks import (
    Averages,
    DropoutSeeds,
    StateKeeper,
    StepProgress,
    StopAndSchedule,
    StopIfReplaced,
    note_settings,
    tensorboard,
)
from kit.training.check import check_spec, validating_batch
from kit.training.checkpoint import Restored, restore
from kit.training.compile import lent_model
from kit.training.devices import describe_environment, join_workers, prepare_devices
from kit.training.early_stopping import has_stopped
from kit.training.fit import class_weights, finish_run
from kit.training.full_disk import full_disk_named
from kit.training.joint_checkpoint import Follower, JointRecorder, receive_state, send_state
from kit.training.lr_schedule import first_rate
from kit.training.peers import Lost, Peers, meet
from kit.training.request import run_id
from kit.training.tf_config import Cluster
from kit.training.training_warnings import doubt_averages, doubt_columns
from kit.training.worker_loop import fit_with_workers, share_of

_GRACE = 20.0  # seconds until a process that waits for a lost machine is ended, whatever it waits for
_BROKEN = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def train_with_workers(
    dataset: Dataset,
    spec: RunSpec,
    directory: RunDirectory,
    *,
    cluster: Cluster,
    devices: Devices = AUTO,
    timeout: float,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
    progress: Progress = NO_PROGRESS,
) -> None:
    """Train to the end from the chief's last checkpoint, together with the other machines of the cluster.

    Args:
        dataset: Dataset with a train and a validation split, the same on every machine.
        spec: Settings of the run, the same on every machine.
        directory: Directory of the run, which only the chief reads and writes.
        cluster: Machines of the training.
        devices: Devices of this machine.
        timeout: Time until all machines must have come, seconds.
        checkpoint_minutes: Minutes between checkpoints within an epoch, by the chief's clock; each epoch's end has one
            anyway.
        progress: Receiver of every step.

    Raises:
        SpecError: A setting does not work on several machines, the minutes are below 0, or the machines differ.
        PeerError: A machine did not come, or was lost; the same command on all machines goes on.
        RunError: The directory holds a run of other settings.
        BusyError: Another process is training the run.
    """
    require(checkpoint_minutes >= 0, f"checkpoint_minutes must be 0 or more, got {checkpoint_minutes}")
    refuse_unsuited(spec, devices)
    advice = prepare_devices(spec.train.threads, devices)
    where = directory.path if cluster.is_chief else None
    with meet(cluster, _facts(dataset, spec), timeout) as peers, _resumable(where), _losses_named(peers):
        join_workers()
        refuse_changed(directory.path, spec, dataset)
        dataset = dataset.for_fold(spec.fold)
        check_spec(spec, dataset, devices)
        with contextlib.ExitStack() as stack:
            if cluster.is_chief:
                stack.enter_context(locked(directory.path))
                stack.enter_context(full_disk_named(directory.tensorboard))
                directory.refuse_other(spec)
            joint = _Joint(
                dataset=dataset,
                spec=spec,
                directory=directory,
                every=60 * checkpoint_minutes,
                peers=peers,
                progress=progress,
            )
            _train(joint, advice)


def refuse_unsuited(spec: RunSpec, devices: Devices) -> None:
    """Refuse what does not work, or would not be exact, on several machines.

    Raises:
        SpecError: A setting does not work on several machines.
        MissingDependencyError: This is the lane of TensorFlow Addons.
    """
    needs_keras_3(option("distribute", "multiworker"), "leave it out")
    here = f"on several machines; change it, or leave out {option('distribute', 'multiworker')}"
    require(devices.count == 1, f"devices={devices} does not work {here}")
    require(spec.train.jit != "on", f"train.jit=on does not work {here}")
    require(not spec.train.progressive, f"train.progressive does not work {here}")
    require(spec.train.cache != "disk", f"train.cache=disk does not work {here}")


@contextlib.contextmanager
def _resumable(where: Path | None) -> Iterator[None]:
    """Tell how a training goes on that lost a machine."""
    try:
        yield
    except PeerError as error:
        run = f"the chief's last checkpoint in {where}" if where else "the chief's last checkpoint"
        raise PeerError(f"{error.marked}; run the same command on all machines again; it goes on from {run}") from error


def _facts(dataset: Dataset, spec: RunSpec) -> dict[str, str]:
    """List what must be equal on all machines."""
    gpus = len(tf.config.get_visible_devices("GPU"))
    return {
        "version of kit": metadata.version("kit"),
        "version of TensorFlow": tensorflow_version(),
        "version of Keras": keras_version(),
        f"fingerprint of dataset {dataset.manifest.name}": dataset.manifest.fingerprint,
        "run": run_id(spec),
        "devices": f"{gpus} GPUs" if gpus else "the CPU",
    }


@contextlib.contextmanager
def _losses_named(peers: Peers) -> Iterator[None]:
    """End what waits for a lost machine, and tell which one it is in place of TensorFlow's errors.

    Raises:
        PeerError: A machine was lost.
        SpecError: A machine refused to go on.
    """
    timers: list[threading.Timer] = []

    def end(lost: Lost) -> None:
        timers.append(threading.Timer(_GRACE, _leave, (lost,)))
        timers[0].daemon = True
        timers[0].start()
        abort_collectives(lost.why)

    peers.on_lost = end
    try:
        yield
    except Exception as error:
        if peers.lost is None and not isinstance(error, _BROKEN):
            raise
        raise peers.wait_until_lost().error() from error
    finally:
        for timer in timers:
            timer.cancel()


def _leave(lost: Lost) -> None:
    """End a process whose main thread waits in TensorFlow for ever; what is on the disk is whole at any moment."""
    sys.stderr.write(f"kit: {as_options(lost.why)}; run the same command on all machines again\n")
    sys.stderr.flush()
    os._exit(PeerError.exit_status)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joint:
    """A training that the machines do together.

    Attributes:
        dataset: Dataset to train on.
        spec: Settings of the run.
        directory: Directory of the run, which only the chief reads and writes.
        every: Seconds between checkpoints within an epoch.
        peers: All machines.
        progress: Receiver of every step.
    """

    dataset: Dataset
    spec: RunSpec
    directory: RunDirectory
    every: float
    peers: Peers
    progress: Progress


def _train(joint: _Joint, advice: str) -> None:
    dataset, spec, peers, progress = joint.dataset, joint.spec, joint.peers, joint.progress
    is_chief = peers.cluster.is_chief
    steps = dataset.full_batches("train", spec.train.batch_size)
    with reading(dataset, ("train", "validation"), progress), lent_model(spec, dataset) as model:
        history, begin = _begun(model, joint)
        progress.start(f"train {spec.arm} as {peers.cluster.named(peers.cluster.index)}", spec.train.epochs * steps)
        progress.advance(begin.position.epochs * steps + begin.position.steps, advice)
        if is_chief:
            progress.advance(0, doubt_averages(spec, dataset))
            progress.advance(0, doubt_columns(spec.train.metrics, dataset.manifest))
        if begin.position.epochs < spec.train.epochs and not has_stopped(history, spec):
            with damage_named(dataset):
                _fit(model, joint, history, begin)
        _end(model, joint, history)
        progress.finish()


def _begun(model: Any, joint: _Joint) -> tuple[History, Restored]:
    """Send all machines the chief's history and state, from which they resume."""
    directory, peers = joint.directory, joint.peers
    if not peers.cluster.is_chief:
        history = History(directory.history_file, [])
        return history, receive_state(model, history, peers)
    directory.claim(joint.spec)
    write_whole(directory.environment, to_json(describe_environment()))
    history = directory.history()
    begin = restore(model, directory, history)
    if begin.position == BEGIN:
        shutil.rmtree(directory.tensorboard, ignore_errors=True)  # of failed attempts
        note_settings(directory, joint.spec)
    return history, send_state(model, history, begin, peers)


def _fit(model: Any, joint: _Joint, history: History, begin: Restored) -> None:
    dataset, spec, peers = joint.dataset, joint.spec, joint.peers
    head = dataset.manifest.target.head(spec.model.head, spec.train.loss)
    measured = validating_batch(spec.model, dataset, model.distribute_strategy.num_replicas_in_sync)
    batches = train_batches(
        dataset,
        head,
        batch_size=spec.train.batch_size,
        seed=spec.seed,
        first_epoch=begin.position.epochs,
        first_step=begin.position.steps,
        cache=spec.train.cache,
        augment=spec.augment,
        sampling=spec.train.sampling,
        class_weights=class_weights(spec, dataset),
        share=share_of(peers),
    )
    recording = [
        JointRecorder(joint.directory, history, spec.train, begin, joint.every, peers=peers),
        *([StateKeeper(joint.directory)] if joint.directory.stored else []),
        tensorboard(joint.directory, histograms=spec.train.histograms),
    ]
    fit_with_workers(
        model,
        batches,
        validation_batches(dataset, head, batch_size=measured, cache=spec.train.cache),
        steps=dataset.full_batches("train", spec.train.batch_size),
        validation_steps=math.ceil(dataset.manifest.records("validation") / measured),
        begin=begin.position,
        epochs=spec.train.epochs,
        callbacks=[
            DropoutSeeds(),
            Averages(),
            StopIfReplaced(dataset),
            *(recording if peers.cluster.is_chief else [Follower(history, begin, peers)]),
            StopAndSchedule(history, spec.train, first_rate(spec.train)),
            StepProgress(joint.progress, history, spec.train, spec.fold),
        ],
        peers=peers,
    )


def _end(model: Any, joint: _Joint, history: History) -> None:
    """Compare the weights of all machines; then the chief writes the result, and the others wait for it."""
    directory, peers, progress = joint.directory, joint.peers, joint.progress
    addresses = peers.cluster.addresses
    hashes = dict(zip(addresses, peers.exchange(weights_hash(model)), strict=True))
    for index, address in enumerate(addresses):
        progress.advance(0, f"weights of {peers.cluster.named(index)}: {hashes[address]}")
    if len(set(hashes.values())) > 1:
        progress.advance(
            0, "the weights of the machines differ: their processors round otherwise; the run has the chief's"
        )
    if peers.cluster.is_chief:
        write_whole(directory.environment, to_json({**describe_environment(), "workers": hashes}))
        finish_run(model, directory, history, joint.spec, joint.dataset)
    peers.told("finished")


def weights_hash(model: Any) -> str:
    """Hash the weights of a model: XXH128 of their bytes, one after another."""
    digest = xxh3_128()
    for weight in model.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return str(digest.hexdigest())
