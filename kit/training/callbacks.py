"""What happens between the steps and epochs of a fit."""

from __future__ import annotations

import math
import shutil
import time
from typing import Any

from kit.compat import keras
from kit.files import whole_file
from kit.progress import Progress
from kit.runs import History, RunDirectory
from kit.runs.history import best_epoch


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Leaves the run directory such that a killed training goes on from its last epoch.

    An epoch's checkpoint comes first, its history line after, and only then the checkpoint before it goes: at every
    moment some checkpoint has all its history lines.
    """

    def __init__(self, directory: RunDirectory, history: History, monitor: str) -> None:
        super().__init__()
        self._directory = directory
        self._history = history
        self._monitor = monitor
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save the epoch."""
        metrics = {name: float(value) for name, value in sorted((logs or {}).items())}
        row = {"epoch": epoch + 1.0, **metrics, "seconds": time.perf_counter() - self._began}
        checkpoint = self._directory.checkpoint(epoch + 1)
        with whole_file(checkpoint) as temporary:
            self.model.save_weights(str(temporary))
        if self._is_best(row):
            with whole_file(self._directory.best_weights) as temporary:
                shutil.copyfile(checkpoint, temporary)
        self._history.append(row)
        for older in self._directory.checkpoints():
            if older != epoch + 1:
                self._directory.checkpoint(older).unlink()

    def _is_best(self, row: dict[str, float]) -> bool:
        """The first epoch counts as best even if it is not a number: a run always has weights to look at."""
        values = [*self._history.column(self._monitor), row.get(self._monitor, math.nan)]
        best = best_epoch(values, smaller_is_better=self._monitor == "val_loss")
        return best == len(values) - 1 or len(values) == 1


class StepProgress(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is untyped here
    """Reports steps as they pass, and the figures of each epoch."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Move on by a step."""
        self._progress.advance()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Say what the epoch brought."""
        figures = [
            f"{name} {float((logs or {})[name]):.4f}" for name in ("loss", "val_loss", "accuracy", "val_accuracy")
        ]
        self._progress.advance(0, f"epoch {epoch + 1}: {', '.join(figures)}")


def tensorboard(directory: RunDirectory) -> Any:
    """Scalars of each epoch, in train/ and validation/ below the run's TensorBoard folder."""
    return keras.callbacks.TensorBoard(str(directory.tensorboard), write_graph=False, profile_batch=0)
