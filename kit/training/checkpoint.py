"""All that a training is between two steps, in one file: it goes on from there as if nothing had happened."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from kit.errors import RunError
from kit.files import is_sealed
from kit.runs import BEGIN, History, Position, RunDirectory
from kit.training.full_disk import WeightsFile
from kit.training.metrics import parts_of
from kit.training.owner import OWNER, owner, refuse_foreign

_KEPT = 2  # the newest, and the one before it in case that is damaged
_GROUP = "begun_epoch"  # in the file, beside what Keras writes
_STEPS = 1 << 20  # more than any epoch has
_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class Begun:
    """What an epoch has come to before its last step, besides weights and optimizer.

    Attributes:
        seconds: Seconds that the epoch has taken.
        metrics: Sums of the loss and of each metric, [replicas, ...] each: sums of sums would round otherwise.
        generators: States of the random generators of dropout.
    """

    seconds: float
    metrics: list[NDArray[Any]]
    generators: list[NDArray[Any]]

    @classmethod
    def of(cls, model: Any, seconds: float) -> Begun:
        """Take it from a model."""
        return cls(
            seconds,
            [np.stack([part.numpy() for part in parts_of(variable)]) for variable in _metric_variables(model)],
            [generator.state.numpy() for generator in _generators(model)],
        )

    def put_back(self, model: Any) -> None:
        """Give it to a model whose epoch has just begun.

        Raises:
            RunError: the model counts otherwise, as another version of kit did.
        """
        if len(_metric_variables(model)) < len(self.metrics):
            _make_variables(model)
        shapes = [tuple(variable.shape) for variable in _metric_variables(model)]
        if shapes != [values.shape[1:] for values in self.metrics]:
            raise RunError(
                "the newest checkpoint within an epoch is of another version of kit, which measured otherwise;"
                " remove the run's epoch-*-step-*.weights.h5 and run its command again"
            )
        for variable, values in zip(_metric_variables(model), self.metrics, strict=True):
            parts = parts_of(variable)
            if len(parts) == len(values):
                for part, value in zip(parts, values, strict=True):
                    part.assign(value)
            else:  # of a training on other devices
                variable.assign(values.sum(axis=0))
        for generator, state in zip(_generators(model), self.generators, strict=True):
            generator.state.assign(state)


@dataclass(frozen=True, slots=True)
class Restored:
    """Where a training goes on.

    Attributes:
        position: Position that the model is at.
        begun: State of an epoch that is not over.
    """

    position: Position = BEGIN
    begun: Begun | None = None


def save_checkpoint(model: Any, directory: RunDirectory, at: Position, *, history: str, seconds: float) -> Path:
    """Write a checkpoint, whole, which knows what it belongs to.

    Args:
        model: Model to keep.
        directory: Directory of its run.
        at: Position in the training.
        history: Digest of the history's lines up to the position.
        seconds: Time that a begun epoch has taken.
    """
    file = WeightsFile(model)
    with h5py.File(file, "a") as opened:
        opened.create_group(OWNER).attrs.update(owner(directory, at, history))
    if at.steps:
        _write(Begun.of(model, seconds), file)
    path = directory.checkpoint(at)
    file.write_to(path)
    return path


def drop_older(directory: RunDirectory) -> None:
    """Keep the newest checkpoints."""
    directory.drop_checkpoints(kept=_KEPT)


def restore(model: Any, directory: RunDirectory, history: History) -> Restored:
    """Load the newest sound checkpoint that has all its history lines, and forget the lines after it.

    Raises:
        RunError: a sound one is of another model or another Keras.
    """
    for position in directory.checkpoints():
        path = directory.checkpoint(position)
        if position.epochs > len(history.rows) or not is_sealed(path):
            continue  # the one before gives the same numbers
        if position.epochs and not directory.best_weights.is_file():
            continue  # as does the first epoch, whose weights may have been the best
        refuse_foreign(path, directory, position, history)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # so Keras says which parts it left as they were
                model.load_weights(str(path))
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


def begin_drops(model: Any, epoch: int) -> None:
    """Make what dropout drops follow from each layer's seed and the epoch: Keras' files do not keep it."""
    for generator in _generators(model):
        seed = generator.state.numpy()[0]
        generator.state.assign([seed, (epoch * _STEPS) % _WORD])


def _generators(model: Any) -> Iterator[Any]:
    """Find what draws, in networks within the model too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _generators(layer)
        elif generator := getattr(layer, "seed_generator", None):
            yield generator


def _metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def _make_variables(model: Any) -> None:
    """Show metrics one image: Keras makes their variables only when a step is traced, which is too late here."""
    outputs = np.zeros((1, model.output_shape[-1]), np.float32)
    model.compute_metrics(None, outputs[:, 0] if outputs.shape[1] == 1 else outputs, outputs)


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
