"""Checkpoints: the full state of a training between two steps in one file, from which it resumes bit for bit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kit.compat import build_metrics, dropout_states, load_weights
from kit.errors import RunError
from kit.files import is_sealed
from kit.runs import BEGIN, History, Position, RunDirectory
from kit.training.checkpoint_owner import OWNER, owner, refuse_foreign
from kit.training.full_disk import WeightsFile
from kit.training.metrics import parts_of

_KEPT = 2  # the newest, and the previous one in case it is damaged
_GROUP = "begun_epoch"  # group in the file, beside Keras' own
_STEPS = 1 << 20  # more than any epoch has
_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class Begun:
    """State of an unfinished epoch, besides weights and optimizer.

    Attributes:
        seconds: Time that the epoch has taken, seconds.
        metrics: Sums of the loss and of each metric, [replicas, ...] each: sums of sums would round differently.
        generators: States of the random generators of dropout.
    """

    seconds: float
    metrics: list[NDArray[Any]]
    generators: list[NDArray[Any]]

    @classmethod
    def of(cls, model: Any, seconds: float) -> Begun:
        """Read the state of a model."""
        return cls(
            seconds,
            [np.stack([part.numpy() for part in parts_of(variable)]) for variable in _metric_variables(model)],
            [state.numpy() for state in dropout_states(model)],
        )

    def put_back(self, model: Any) -> None:
        """Restore the state in a model at the beginning of the epoch.

        Raises:
            RunError: The model's metrics differ, because another version of kit wrote the state.
        """
        if len(_metric_variables(model)) < len(self.metrics):
            _make_variables(model)
        shapes = [tuple(variable.shape) for variable in _metric_variables(model)]
        if shapes != [values.shape[1:] for values in self.metrics]:
            raise RunError(
                "the newest checkpoint within an epoch is of another version of kit, with other metrics;"
                " remove the run's epoch-*-step-*.weights.h5 and run its command again"
            )
        for variable, values in zip(_metric_variables(model), self.metrics, strict=True):
            parts = parts_of(variable)
            if len(parts) == len(values):
                for part, value in zip(parts, values, strict=True):
                    part.assign(value)
            else:  # of a training on other devices
                variable.assign(values.sum(axis=0))
        for state, kept in zip(dropout_states(model), self.generators, strict=True):
            state.assign(kept)


@dataclass(frozen=True, slots=True)
class Restored:
    """State from which a training resumes.

    Attributes:
        position: Position of the model in the training.
        begun: State of an unfinished epoch.
    """

    position: Position = BEGIN
    begun: Begun | None = None

    def within(self, epoch: int) -> Begun | None:
        """Return the state of an epoch, counted from 0; None if it is not the unfinished one."""
        return self.begun if self.position.epochs == epoch else None


def save_checkpoint(
    model: Any, directory: RunDirectory, at: Position, *, history: str, begun: Begun | None = None
) -> Path:
    """Write a checkpoint, whole, with its run, position and history.

    Args:
        model: Model to save.
        directory: Directory of its run.
        at: Position in the training.
        history: Digest of the history's lines up to the position.
        begun: State of an unfinished epoch.
    """
    file = WeightsFile(model)
    with h5py.File(file, "a") as opened:
        opened.create_group(OWNER).attrs.update(owner(directory, at, history))
    if begun:
        _write(begun, file)
    path = directory.checkpoint(at)
    file.write_to(path)
    return path


def drop_older(directory: RunDirectory) -> None:
    """Remove all but the newest checkpoints."""
    directory.drop_checkpoints(kept=_KEPT)


def restore(model: Any, directory: RunDirectory, history: History) -> Restored:
    """Load the newest undamaged checkpoint that has all its history lines, and drop the lines after it.

    Raises:
        RunError: An undamaged one is of another model or another Keras.
    """
    for position in directory.checkpoints():
        path = directory.checkpoint(position)
        if position.epochs > len(history.rows) or not is_sealed(path):
            continue  # the previous one gives the same numbers
        if position.epochs and not directory.best_weights.is_file():
            continue  # as does the first epoch, whose weights may have been the best
        refuse_foreign(path, directory, position, history)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras warns of parts that it did not load
                load_weights(model, path)
            begun = _read(path) if position.steps else None
        except (OSError, ValueError, KeyError, UserWarning) as error:
            why = next(iter(str(error).splitlines()), type(error).__name__)
            raise RunError(
                f"{path} does not fit this model: {why}; remove the folder {directory.path} and run its command again"
            ) from error
        history.cut(position.epochs)
        return Restored(position, begun)
    history.cut(0)
    return Restored()


def seed_dropout(model: Any, epoch: int) -> None:
    """Derive the random numbers of dropout from each layer's seed and the epoch: Keras' files do not hold them."""
    for state in dropout_states(model):
        state.assign([state.numpy()[0], (epoch * _STEPS) % _WORD])


def _metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def _make_variables(model: Any) -> None:
    """Call the metrics with one image: Keras creates their variables only when a step is traced, which is too late."""
    outputs = np.zeros((1, model.output_shape[-1]), np.float32)
    build_metrics(model, outputs[:, 0] if outputs.shape[1] == 1 else outputs, outputs)


def _write(begun: Begun, weights: WeightsFile) -> None:
    with h5py.File(weights, "a") as file:
        group = file.create_group(_GROUP)
        group.attrs["seconds"] = begun.seconds
        for name in ("metrics", "generators"):
            for index, value in enumerate(getattr(begun, name)):
                group[f"{name}/{index}"] = value


def _read(path: Path) -> Begun:
    with h5py.File(path) as file:
        group = file[_GROUP]
        lists = (
            [np.asarray(group[f"{name}/{index}"]) for index in range(len(group.get(name, ())))]
            for name in ("metrics", "generators")
        )
        return Begun(float(group.attrs["seconds"]), *lists)
