"""Keras callbacks of a training: checkpoints, history, early stopping, schedule, progress."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from pathlib import Path
from typing import Any

from kit.compat import keras, learning_rate, tf
from kit.datasets import Dataset
from kit.files import whole_file
from kit.progress import Progress
from kit.runs import History, Position, RunDirectory
from kit.runs.stored import keep_state
from kit.specs import RunSpec, TrainSpec, setting_paths, value_of
from kit.specs.fields import part
from kit.training.checkpoint import Begun, Restored, drop_older, save_checkpoint, seed_dropout
from kit.training.compile import averaged
from kit.training.early_stopping import is_best_so_far, stops
from kit.training.full_disk import WeightsFile
from kit.training.lr_schedule import plateau_rate
from kit.training.training_warnings import note_undefined

_UPLOAD_EVERY = 60.0  # seconds between uploads of the state: a lost machine loses that much and an epoch at most


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Writes checkpoints and the history, so that a killed training resumes from its last checkpoint.

    An epoch's checkpoint is written first, then its history line, and only then are older checkpoints removed: at every
    moment some checkpoint has all its history lines.

    Args:
        directory: Directory of the run.
        history: History of the run.
        spec: Settings of the training, which decide the best epoch.
        restored: State from which the training resumes, possibly within an epoch.
        every: Seconds between checkpoints within an epoch.
    """

    def __init__(
        self, directory: RunDirectory, history: History, spec: TrainSpec, restored: Restored, every: float
    ) -> None:
        super().__init__()
        self._directory = directory
        self._history = history
        self._spec = spec
        self._restored = restored
        self._every = every
        self._began = self._saved = 0.0
        self._epoch, self._passed = 0, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock, or restore it and the state of the epoch: after `DropoutSeeds`."""
        self._began = self._saved = time.perf_counter()
        self._epoch, self._passed = epoch, 0
        if begun := self._restored.within(epoch):
            self._began -= begun.seconds
            self._passed = self._restored.position.steps
            begun.put_back(self.model)

    @property
    def seconds(self) -> float:
        """Time that the epoch has taken, seconds."""
        return time.perf_counter() - self._began

    def is_due(self, batch: int) -> bool:
        """Whether a checkpoint within the epoch is due after a batch of this call of `fit`, counted from 0."""
        return time.perf_counter() - self._saved >= self._every and batch + 1 < self.params["steps"]

    def save(self, batch: int, begun: Begun) -> None:
        """Write a checkpoint within the epoch."""
        at, lines = Position(self._epoch, self._passed + batch + 1), self._history.digest()
        save_checkpoint(self.model, self._directory, at, history=lines, begun=begun)
        drop_older(self._directory)
        self._saved = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a checkpoint within the epoch, if it is due."""
        if self.is_due(batch):
            self.save(batch, Begun.of(self.model, self.seconds))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the epoch's checkpoint and history line."""
        metrics = {name: float(value) for name, value in sorted((logs or {}).items())}
        row = {
            "epoch": epoch + 1.0,
            **metrics,
            "learning_rate": learning_rate(self.model.optimizer),
            "seconds": self.seconds,
        }
        at, lines = Position(epoch + 1), self._history.digest(row)
        checkpoint = save_checkpoint(self.model, self._directory, at, history=lines)
        values = [*self._history.column(self._spec.monitor), row.get(self._spec.monitor, math.nan)]
        if is_best_so_far(values, self._spec):
            self._keep_best(checkpoint)
        self._history.append(row)
        drop_older(self._directory)

    def _keep_best(self, checkpoint: Path) -> None:
        """Save the validated weights: the averaged ones, or those of the checkpoint."""
        with averaged(self.model) as is_average:
            if is_average:
                WeightsFile(self.model).write_to(self._directory.best_weights)
                return
        with whole_file(self._directory.best_weights) as temporary:
            shutil.copyfile(checkpoint, temporary)


class StateKeeper(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Uploads the newest checkpoint to the store of the run's workspace, if it has one; it follows `Recorder`.

    Args:
        directory: Directory of the run.
    """

    def __init__(self, directory: RunDirectory) -> None:
        super().__init__()
        self._directory = directory
        self._kept = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Upload what a checkpoint within the epoch has added, if it is due."""
        self._keep()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Upload the epoch's checkpoint, if it is due."""
        self._keep()

    def _keep(self) -> None:
        if time.monotonic() - self._kept >= _UPLOAD_EVERY:
            keep_state(self._directory)
            self._kept = time.monotonic()


class StopIfReplaced(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Ends a training whose dataset was replaced meanwhile; it precedes `Recorder`, so that the epoch is not kept."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self._dataset = dataset

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare the dataset with that of the training's beginning."""
        self._dataset.refuse_replaced()


class StopAndSchedule(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Lowers the learning rate and ends the training according to the history; it follows `Recorder`."""

    def __init__(self, history: History, spec: TrainSpec, rate: float) -> None:
        super().__init__()
        self._history = history
        self._spec = spec
        self._rate = rate

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the epoch's learning rate."""
        if self._spec.schedule.kind == "plateau":
            values = self._history.column(self._spec.schedule.monitor)
            rate = plateau_rate(values, self._spec.schedule, self._rate)
            self.model.optimizer.learning_rate.assign(rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """End the training if early stopping says so."""
        if stops(self._history.column(self._spec.early_stopping.monitor), self._spec.early_stopping):
            self.model.stop_training = True


class Deadline(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Interrupts the training if another epoch would end after the deadline; it follows `Recorder`."""

    def __init__(self, history: History, deadline: float) -> None:
        super().__init__()
        self._history = history
        self._deadline = deadline

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare the expected end of the next epoch with the deadline."""
        if time.time() + self._history.rows[-1]["seconds"] > self._deadline:
            self.model.stop_training = True


class DropoutSeeds(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Derives the random numbers of dropout from each layer's seed and the epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set each layer's generator to the epoch's state."""
        seed_dropout(self.model, epoch)


class Averages(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Validates with the moving average of the weights, if the optimizer keeps one."""

    def __init__(self) -> None:
        super().__init__()
        self._swapped = contextlib.ExitStack()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Swap the averages in."""
        self._swapped.enter_context(averaged(self.model))

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Swap the weights back."""
        self._swapped.close()


class StepProgress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Reports steps, and the metrics of each epoch; it follows `Recorder`."""

    def __init__(self, progress: Progress, history: History, spec: TrainSpec, fold: int | None) -> None:
        super().__init__()
        self._progress = progress
        self._history = history
        shown = dict.fromkeys(("loss", *spec.metrics[:1], spec.headline))
        self._shown = [prefix + name for name in shown for prefix in ("", "val_")]
        self._before = "" if fold is None else f"fold {fold}, "
        self._seen = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the count of steps."""
        self._seen = 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the steps of a call."""
        self._progress.advance(batch + 1 - self._seen)
        self._seen = batch + 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch's metrics."""
        figures = [f"{name} {float((logs or {})[name]):.4f}" for name in self._shown]
        self._progress.advance(0, f"{self._before}epoch {epoch + 1}: {', '.join(figures)}")
        if undefined := note_undefined(self._history):
            self._progress.advance(0, f"{self._before}{undefined}")


def tensorboard(directory: RunDirectory, *, histograms: bool) -> Any:
    """Make the callback that writes each epoch's scalars, and optionally histograms of the weights, for TensorBoard."""
    return keras.callbacks.TensorBoard(
        str(directory.tensorboard), write_graph=False, profile_batch=0, histogram_freq=int(histograms)
    )


def _hyper_parameter(spec: RunSpec, path: str) -> bool | float | str:
    """Return a number as such, so that TensorBoard sorts by it; a list as text."""
    value = part(spec, path)
    return value if isinstance(value, bool | int | float | str) else value_of(spec, path)


def note_settings(directory: RunDirectory, spec: RunSpec) -> None:
    """Write a run's settings for TensorBoard's HParams tab."""
    from tensorboard.plugins.hparams import api  # type: ignore[import-untyped]  # noqa: PLC0415 (slow to import)

    values = {path: _hyper_parameter(spec, path) for path in setting_paths(spec)}
    metrics = [api.Metric(f"epoch_{name}", group="validation") for name in ("loss", *spec.train.metrics)]
    with tf.summary.create_file_writer(str(directory.tensorboard)).as_default():
        api.hparams_config(hparams=[api.HParam(path) for path in values], metrics=metrics)
        api.hparams(values, trial_id=f"{directory.path.parent.name}/{directory.path.name}")
