"""Checkpoints of a training on several machines: the chief writes them, and shares the one that a training resumes."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.compat import keras, learning_rate, optimizer_variables
from kit.runs import History, Position, RunDirectory
from kit.specs import TrainSpec
from kit.training.callbacks import Recorder
from kit.training.checkpoint import Begun, Restored
from kit.training.peers import Peers

_DUE = "checkpoint"


class JointRecorder(Recorder):
    """Writes the checkpoints and the history at the chief; those within an epoch hold what every machine has counted.

    Args:
        directory: Directory of the run.
        history: History of the run.
        spec: Settings of the training, which decide the best epoch.
        restored: State from which the training resumes, possibly within an epoch.
        every: Seconds between checkpoints within an epoch.
        peers: All machines.
    """

    def __init__(
        self,
        directory: RunDirectory,
        history: History,
        spec: TrainSpec,
        restored: Restored,
        every: float,
        *,
        peers: Peers,
    ) -> None:
        super().__init__(directory, history, spec, restored, every)
        self._peers = peers

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint within the epoch, if it is due by the chief's clock."""
        is_due = self.is_due(batch)
        self._peers.told(_DUE if is_due else "")
        if is_due:
            self.save(batch, _gathered(Begun.of(self.model, self.seconds), self._peers))


class Follower(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Keeps the history in memory on machines that do not write it: it decides about rates and the end.

    Args:
        history: History of the run.
        restored: State from which the training resumes, possibly within an epoch.
        peers: All machines.
    """

    def __init__(self, history: History, restored: Restored, peers: Peers) -> None:
        super().__init__()
        self._history = history
        self._restored = restored
        self._peers = peers

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restore the state of the epoch: after `DropoutSeeds`."""
        if begun := self._restored.within(epoch):
            begun.put_back(self.model)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Send the chief what this machine has counted, if it writes a checkpoint."""
        if self._peers.told("") == _DUE:
            _gathered(Begun.of(self.model, 0), self._peers)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Append the epoch."""
        row = {**(logs or {}), "learning_rate": learning_rate(self.model.optimizer), "seconds": math.nan}
        self._history.rows.append({"epoch": epoch + 1.0, **row})


def send_state(model: Any, history: History, restored: Restored, peers: Peers) -> Restored:
    """Send all machines the chief's state: its history, weights, optimizer, and the counts of an unfinished epoch.

    Returns:
        State from which the chief itself resumes.
    """
    begun = restored.begun
    told = {
        "rows": history.rows,
        "state": base64.b64encode(_state(model)).decode(),
        "position": restored.position,
        "seconds": begun.seconds if begun else 0,
        "metrics": _packed(begun.metrics) if begun else "",
        "generators": _packed(begun.generators) if begun else "",
    }
    return _resumed(model, json.loads(peers.told(json.dumps(told))), peers)


def receive_state(model: Any, history: History, peers: Peers) -> Restored:
    """Take over the chief's state; see `send_state`."""
    told = json.loads(peers.told(""))
    _set_state(model, base64.b64decode(told["state"]))
    history.rows[:] = told["rows"]
    return _resumed(model, told, peers)


def _resumed(model: Any, told: dict[str, Any], peers: Peers) -> Restored:
    """Return the state from which this machine resumes: of the sums of an unfinished epoch its own."""
    position = Position(*told["position"])
    if not position.steps:
        return Restored(position)
    local = len(model.distribute_strategy.extended.worker_devices)
    metrics = metrics_of_machine(_unpacked(told["metrics"]), peers.cluster.index, len(peers.cluster.addresses), local)
    return Restored(position, Begun(told["seconds"], metrics, _unpacked(told["generators"])))


def metrics_of_machine(metrics: Sequence[NDArray[Any]], index: int, machines: int, local: int) -> list[NDArray[Any]]:
    """Return one machine's part of the sums of an unfinished epoch; all of a training on other devices are the chief's.

    Args:
        metrics: Sums of the loss and of each metric, [replicas, ...] each.
        index: Index of the machine.
        machines: Number of machines.
        local: Number of devices of a machine.

    Returns:
        Sums, [local, ...] each.
    """
    whole = [values if len(values) == machines * local else _on_first(values, machines * local) for values in metrics]
    return [values[index * local : (index + 1) * local] for values in whole]


def _on_first(values: NDArray[Any], count: int) -> NDArray[Any]:
    spread = np.zeros((count, *values.shape[1:]), values.dtype)
    spread[0] = values.sum(axis=0)
    return spread


def _gathered(own: Begun, peers: Peers) -> Begun:
    """Put the sums of all machines together; everything else is equal on all."""
    machines = [_unpacked(text) for text in peers.exchange(_packed(own.metrics))]
    return replace(own, metrics=[np.concatenate(values) for values in zip(*machines, strict=True)])


def _packed(arrays: Sequence[NDArray[Any]]) -> str:
    file = io.BytesIO()
    np.savez(file, *arrays)
    return base64.b64encode(file.getvalue()).decode()


def _unpacked(text: str) -> list[NDArray[Any]]:
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as file:
        return [file[f"arr_{number}"] for number in range(len(file.files))]


def _state(model: Any) -> bytes:
    """Return the weights and the variables of the optimizer, one after another."""
    return b"".join(np.asarray(variable.numpy()).tobytes() for variable in _variables(model))


def _set_state(model: Any, state: bytes) -> None:
    begin = 0
    for variable in _variables(model):
        like = np.asarray(variable.numpy())
        values = np.frombuffer(state, like.dtype, like.size, begin)
        variable.assign(values.reshape(like.shape))
        begin += like.nbytes


def _variables(model: Any) -> list[Any]:
    return [*model.weights, *optimizer_variables(model.optimizer)]
