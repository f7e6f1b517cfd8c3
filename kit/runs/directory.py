"""Run directories: the names and contents of their files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from kit.errors import RunError, SpecError
from kit.files import sweep, write_whole, xxh128, xxh128_file
from kit.runs.history import History
from kit.seals import hashes, read_sealed, seal
from kit.specs import RunSpec, from_json, to_json
from kit.specs.naming import as_identified, as_written
from kit.specs.train import Weights
from kit.storage import SealedFolder, sealed_folder

Note = TypeVar("Note", bound=msgspec.Struct)

RESULT = "result.json"
RATES = "learning-rates"  # folder in runs/ for learning-rate range tests, which are not runs
_SPEC, _FAILURE, _PRUNED = "spec.json", "failure.json", "halted.json"  # names from earlier versions
_CHECKPOINT = re.compile(r"epoch-(\d{5})(?:-step-(\d{7}))?\.weights\.h5")


class Position(NamedTuple):
    """Position in a training; earlier ones compare as smaller.

    Attributes:
        epochs: Number of finished epochs.
        steps: Number of finished steps of the next epoch.
    """

    epochs: int
    steps: int = 0


BEGIN = Position(0)


def evaluation_folder(folder: Path, split: str, weights: str, views: str = "") -> Path:
    """Return the folder for the evaluation of a run, or of the runs in a folder."""
    return folder / "-".join(filter(None, ("evaluation", split, weights, views)))


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a finished run.

    Attributes:
        epochs: Number of trained epochs.
        best_epoch: Best epoch, from 1, by the spec's monitor; None if it was always NaN.
        final: Metrics of the last epoch; None for one that was not a number.
        best: Metrics of the best epoch.
        parameters: Number of parameters of the model.
        trainable_parameters: Number of trainable parameters.
        seconds_per_epoch: Median time of an epoch, including validation, seconds.
        doubt: Warning of validation predictions that are no better than chance; empty if they are better.
        files: XXH128 of the run's other files, by name.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    epochs: int
    best_epoch: int | None
    final: Mapping[str, float | None]
    best: Mapping[str, float | None]
    parameters: int
    trainable_parameters: int
    seconds_per_epoch: float
    doubt: str = ""
    files: Mapping[str, str] = {}
    seal: str = ""


class RunFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Failure of a run; its command tries again.

    Attributes:
        reason: Reason in one line.
        details: Traceback; empty without one.
        files: XXH128 of the settings and the history at that time, by name.
    """

    reason: str
    details: str = ""
    files: Mapping[str, str] = {}


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """Pruning of an ablation's run by successive halving; its checkpoint is kept, so it can be resumed.

    Attributes:
        epochs: Number of epochs that the run was trained for.
        rank: Rank of its arm among those compared, from 1; "place" in the file.
        arms: Number of arms compared.
        files: XXH128 of the settings and the history at that time, by name.
    """

    epochs: int
    rank: int = msgspec.field(name="place")
    arms: int
    files: Mapping[str, str] = {}


class _Environment(msgspec.Struct, frozen=True):
    """The part of environment.json that decides how a run is opened.

    Attributes:
        keras: Version of Keras; runs from before its record have none.
    """

    keras: str = ""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The files of a run; `result.json` is written last, so a run without it is unfinished."""

    path: Path

    @property
    def best_weights(self) -> Path:
        """Weights of the best epoch so far."""
        return self.path / "best.weights.h5"

    @property
    def last_weights(self) -> Path:
        """Weights of the last epoch of a finished run."""
        return self.path / "last.weights.h5"

    def weights(self, epoch: Weights | None = None) -> Path:
        """Return the file of the weights of the "best" or the "last" epoch; by default, of the run's setting.

        Those of a finished run in an object store are fetched first.

        Raises:
            StoreError: The store refuses, does not answer, or has other bytes.
        """
        path = self.last_weights if (epoch or self.spec().train.evaluate) == "last" else self.best_weights
        stored = self.stored
        head = stored.copied_head() if stored and self.is_finished else None
        if stored and head and (expected := self.result().files.get(path.name)):
            stored.mend(head, {path.name: expected})
        return path

    @property
    def stored(self) -> SealedFolder | None:
        """Run in an object store, of which this one is the copy; None for one that is only here."""
        return sealed_folder(self.path, RESULT)

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def environment(self) -> Path:
        """Versions and devices of the training."""
        return self.path / "environment.json"

    @property
    def keras(self) -> str:
        """Version of Keras that trained the run, or began to; empty without a record."""
        try:
            return msgspec.json.decode(self.environment.read_bytes(), type=_Environment).keras
        except (FileNotFoundError, msgspec.MsgspecError):
            return ""

    @property
    def history_file(self) -> Path:
        """Metrics of the epochs, a line each."""
        return self.path / "history.csv"

    @property
    def predictions(self) -> Path:
        """Class probabilities on the validation split, by the weights of the run's setting."""
        return self.path / "validation_predictions.csv"

    def held_out(self, weights: str, views: str) -> Path:
        """Return the file of class probabilities on the validation split by these weights and views."""
        if weights == self.spec().train.evaluate and not views:
            return self.predictions
        return self.path / ("-".join(filter(None, ("validation_predictions", weights, views))) + ".csv")

    @property
    def decoded(self) -> Path:
        """Folder of decoded images of an unfinished run that caches them on the disk."""
        return self.path / ".decoded"

    def evaluation(self, split: str, weights: str) -> Path:
        """Return the folder of an evaluation; with the ending .json, the file of its metrics for comparisons."""
        return evaluation_folder(self.path, split, weights)

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result and its settings."""
        return (self.path / RESULT).is_file() and (self.path / _SPEC).is_file()

    @property
    def has_begun(self) -> bool:
        """Whether the run has its settings, which are written first."""
        return (self.path / _SPEC).is_file()

    @property
    def notes(self) -> list[Path]:
        """Files of an unfinished run that are not weights, the settings first; some may be missing."""
        return [self.path / _SPEC, self.environment, self.history_file, self.path / _FAILURE, self.path / _PRUNED]

    @property
    def failure(self) -> RunFailure | None:
        """Failure of the last attempt at the run; None if it did not fail."""
        return self._note(_FAILURE, RunFailure)

    @property
    def pruned(self) -> Pruned | None:
        """Pruning of the run by successive halving; None if it was not pruned."""
        return self._note(_PRUNED, Pruned)

    def _note(self, name: str, kind: type[Note]) -> Note | None:
        """Read the note of a failed or pruned run.

        Raises:
            RunError: The note was changed.
        """
        path = self.path / name
        if self.is_finished:
            return None
        try:
            return read_sealed(path, kind, what="run")
        except FileNotFoundError:
            return None
        except SpecError as error:
            raise RunError(f"{error}; remove it and run the command of {self.path} again") from error

    def refuse_other(self, spec: RunSpec) -> None:
        """Refuse another run's directory.

        Raises:
            RunError: The directory holds a run of other settings than `spec`.
        """
        if (self.path / _SPEC).is_file() and self.spec() != spec:
            raise RunError(f"{self.path} holds a run of other settings; see its spec.json, or remove the folder")

    def claim(self, spec: RunSpec) -> None:
        """Take the directory for `spec`; see `refuse_other`."""
        self.refuse_other(spec)
        write_whole(self.path / _SPEC, to_json(as_written(spec)))
        for name in (_FAILURE, _PRUNED):  # the run is resumed
            (self.path / name).unlink(missing_ok=True)
        sweep(self.path)

    def fail(self, reason: str, details: str = "") -> None:
        """Record a failure of the run."""
        write_whole(self.path / _FAILURE, seal(RunFailure(reason=reason, details=details, files=self._begun())))

    def prune(self, pruned: Pruned) -> None:
        """Record that the run was pruned."""
        write_whole(self.path / _PRUNED, seal(msgspec.structs.replace(pruned, files=self._begun())))

    def spec(self) -> RunSpec:
        """Read the run's settings.

        Raises:
            RunError: The run is finished, pruned or failed, and its settings were changed since.
        """
        return from_json(self.checked(self.path / _SPEC), RunSpec)

    def history(self) -> History:
        """Read the run's history.

        Raises:
            RunError: The file is not a history, or the run is finished, pruned or failed, and it was changed since.
        """
        return History.read(self.checked(self.history_file))

    def checked(self, file: Path) -> Path:
        """Return a file of the run, after comparing its hash if the run is finished, pruned or failed.

        Raises:
            RunError: The file was changed since.
        """
        ended = (self.result() if self.is_finished else self.failure or self.pruned) if file.is_file() else None
        expected = ended.files.get(file.name) if ended else None
        if expected and self.hash_of(file) != expected:
            raise RunError(
                f"{file} was changed after the training wrote it; restore it, or remove the folder {self.path} and run"
                " its command again"
            )
        return file

    def knows(self, file: Path) -> bool:
        """Return whether the result of a finished run holds the hash of a file.

        Args:
            file: File in the run's folder, possibly missing.
        """
        return self.is_finished and file.is_file() and bool(self.result().files.get(file.name))

    def hash_of(self, file: Path) -> str:
        """Hash a file of the run, as for its result.

        Args:
            file: File in the run's folder.
        """
        return xxh128_file(file)

    @property
    def identity(self) -> str:
        """Hash of the run's settings, which identifies it in checkpoints."""
        return xxh128(to_json(as_identified(self.spec())))

    def checkpoint(self, at: Position) -> Path:
        """Return the file of the checkpoint at a position."""
        step = f"-step-{at.steps:07d}" if at.steps else ""
        return self.path / f"epoch-{at.epochs:05d}{step}.weights.h5"

    def checkpoints(self) -> list[Position]:
        """List the positions with a checkpoint, newest first."""
        found = (_CHECKPOINT.fullmatch(path.name) for path in self.path.glob("epoch-*.weights.h5"))
        return sorted((Position(int(match[1]), int(match[2] or 0)) for match in found if match), reverse=True)

    def state(self, at: Position, *, exists: bool = True) -> list[Path]:
        """List the files that an unfinished run is resumed from, the checkpoint last.

        Args:
            at: Position of the checkpoint.
            exists: Whether to leave out files that the run does not have.
        """
        files = [*self.notes, self.best_weights, self.checkpoint(at)]
        return [file for file in files if file.is_file()] if exists else files

    def drop_checkpoints(self, *, kept: int) -> None:
        """Remove all checkpoints except the newest."""
        for older in self.checkpoints()[kept:]:
            self.checkpoint(older).unlink()

    def result(self) -> RunResult:
        """Read the run's result.

        Raises:
            RunError: The run is unfinished.
        """
        if not self.is_finished:
            raise RunError(f"{self.path} is not finished; run its command again to resume it from its last epoch")
        try:
            return read_sealed(self.path / RESULT, RunResult, what="run")
        except SpecError as error:
            raise RunError(f"{error}; remove the folder {self.path} and run its command again") from error

    def finish(self, result: RunResult) -> None:
        """Write the result with the hashes of the run's files, the last step of a run."""
        made = (self.best_weights, self.last_weights, self.history_file, self.predictions, self.environment)
        files = self._hash_all(self.path / _SPEC, *made)
        write_whole(self.path / RESULT, seal(msgspec.structs.replace(result, files=files)))

    def _begun(self) -> dict[str, str]:
        """Hash the settings and the history of an unfinished run."""
        return self._hash_all(self.path / _SPEC, self.history_file)

    def _hash_all(self, *files: Path) -> dict[str, str]:
        return hashes(self.path, [file.name for file in files if file.is_file()])
