"""Names of the files in a run directory, and what they hold."""

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
from kit.specs.naming import as_written
from kit.specs.train import Weights

Note = TypeVar("Note", bound=msgspec.Struct)

RATES = "learning-rates"  # folder in runs/ of range tests, which are no runs
_SPEC, _FAILURE, _PRUNED = "spec.json", "failure.json", "halted.json"  # named so in runs of earlier versions
_CHECKPOINT = re.compile(r"epoch-(\d{5})(?:-step-(\d{7}))?\.weights\.h5")


class Position(NamedTuple):
    """How far a training is; earlier ones compare as smaller.

    Attributes:
        epochs: Epochs that are over.
        steps: Steps of the next epoch that are over.
    """

    epochs: int
    steps: int = 0


BEGIN = Position(0)


def evaluation_folder(folder: Path, split: str, weights: str, views: str = "") -> Path:
    """Name the folder of an evaluation of one run, or of the runs in a folder."""
    return folder / "-".join(filter(None, ("evaluation", split, weights, views)))


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished run came to.

    Attributes:
        epochs: Epochs trained.
        best_epoch: Best epoch, from 1, by the spec's monitor; None if it never was a number.
        final: Metrics of the last epoch; None where one was not a number.
        best: Metrics of the best epoch.
        parameters: Parameters of the model.
        trainable_parameters: Parameters that are trained.
        seconds_per_epoch: Median seconds per epoch, validation included.
        doubt: Sentence on validation predictions that are no better than chance; empty where they are.
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
    """Why a run could not be trained; its command tries again.

    Attributes:
        reason: Reason in one line.
        details: Traceback; empty where there is none.
        files: XXH128 of the settings and the history then, by name.
    """

    reason: str
    details: str = ""
    files: Mapping[str, str] = {}


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """Where successive halving pruned a run of an ablation, and not for good: its checkpoint is kept.

    Attributes:
        epochs: Epochs that the run was given.
        rank: Rank of its arm among those compared then, from 1; "place" in the file.
        arms: Arms compared then.
        files: XXH128 of the settings and the history then, by name.
    """

    epochs: int
    rank: int = msgspec.field(name="place")
    arms: int
    files: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run's files; `result.json` is written last, so a run without it is unfinished."""

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
        """Weights of the "best" or the "last" epoch; by default those that the run's setting says."""
        return self.last_weights if (epoch or self.spec().train.evaluate) == "last" else self.best_weights

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def environment(self) -> Path:
        """Versions and devices that the run was made with."""
        return self.path / "environment.json"

    @property
    def history_file(self) -> Path:
        """Figures of each epoch, a line each."""
        return self.path / "history.csv"

    @property
    def predictions(self) -> Path:
        """Class probabilities on the validation split, by the weights that the run is evaluated by."""
        return self.path / "validation_predictions.csv"

    def held_out(self, weights: str, views: str) -> Path:
        """Class probabilities on the validation split by these weights and views; of the run's own, `predictions`."""
        if weights == self.spec().train.evaluate and not views:
            return self.predictions
        return self.path / ("-".join(filter(None, ("validation_predictions", weights, views))) + ".csv")

    @property
    def decoded(self) -> Path:
        """Folder of decoded images, while a run that caches them on the disk is unfinished."""
        return self.path / ".decoded"

    def evaluation(self, split: str, weights: str) -> Path:
        """Name the folder of an evaluation; with the ending .json, the file of its few figures for comparisons."""
        return evaluation_folder(self.path, split, weights)

    @property
    def is_finished(self) -> bool:
        """Whether the run has its result, and says what it is of."""
        return (self.path / "result.json").is_file() and (self.path / _SPEC).is_file()

    @property
    def failure(self) -> RunFailure | None:
        """Why the last attempt at the run failed; None if it did not."""
        return self._note(_FAILURE, RunFailure)

    @property
    def pruned(self) -> Pruned | None:
        """Where successive halving pruned the run; None if it did not."""
        return self._note(_PRUNED, Pruned)

    def _note(self, name: str, kind: type[Note]) -> Note | None:
        """Read a note on an attempt that came to no result.

        Raises:
            RunError: It was changed since.
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
            RunError: it holds a run of other settings than `spec`.
        """
        if (self.path / _SPEC).is_file() and self.spec() != spec:
            raise RunError(f"{self.path} holds a run of other settings; see its spec.json, or remove the folder")

    def claim(self, spec: RunSpec) -> None:
        """Take the directory for `spec`; see `refuse_other`."""
        self.refuse_other(spec)
        write_whole(self.path / _SPEC, to_json(as_written(spec)))
        for name in (_FAILURE, _PRUNED):  # it goes on
            (self.path / name).unlink(missing_ok=True)
        sweep(self.path)

    def fail(self, reason: str, details: str = "") -> None:
        """Note why the run could not be trained."""
        write_whole(self.path / _FAILURE, seal(RunFailure(reason=reason, details=details, files=self._begun())))

    def prune(self, pruned: Pruned) -> None:
        """Note where the run was pruned."""
        write_whole(self.path / _PRUNED, seal(msgspec.structs.replace(pruned, files=self._begun())))

    def spec(self) -> RunSpec:
        """Read the run's settings.

        Raises:
            RunError: The run is finished, pruned or failed, and they were changed since.
        """
        return from_json(self.checked(self.path / _SPEC), RunSpec)

    def history(self) -> History:
        """Read the run's history.

        Raises:
            RunError: It is no history, or the run is finished, pruned or failed, and it was changed since.
        """
        return History.read(self.checked(self.history_file))

    def checked(self, file: Path) -> Path:
        """Return a file of the run, which still is what the training wrote if the run is finished, pruned or failed.

        Raises:
            RunError: It was changed since.
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
        """Tell whether the result of a finished run holds the hash of one of its files.

        Args:
            file: File in the run's folder, which may be missing.
        """
        return self.is_finished and file.is_file() and bool(self.result().files.get(file.name))

    def hash_of(self, file: Path) -> str:
        """Hash a file of the run as its result does.

        Args:
            file: File in the run's folder.
        """
        return xxh128_file(file)

    @property
    def identity(self) -> str:
        """Hash of the run's settings, by which checkpoints know it."""
        return xxh128(to_json(self.spec()))

    def checkpoint(self, at: Position) -> Path:
        """Name the file of all that a training is at a position."""
        step = f"-step-{at.steps:07d}" if at.steps else ""
        return self.path / f"epoch-{at.epochs:05d}{step}.weights.h5"

    def checkpoints(self) -> list[Position]:
        """List the positions that have a checkpoint, newest first."""
        found = (_CHECKPOINT.fullmatch(path.name) for path in self.path.glob("epoch-*.weights.h5"))
        return sorted((Position(int(match[1]), int(match[2] or 0)) for match in found if match), reverse=True)

    def drop_checkpoints(self, *, kept: int) -> None:
        """Remove all checkpoints but the newest."""
        for older in self.checkpoints()[kept:]:
            self.checkpoint(older).unlink()

    def result(self) -> RunResult:
        """Read the run's result.

        Raises:
            RunError: the run is unfinished.
        """
        if not self.is_finished:
            raise RunError(f"{self.path} is not finished; run its command again and it goes on from its last epoch")
        try:
            return read_sealed(self.path / "result.json", RunResult, what="run")
        except SpecError as error:
            raise RunError(f"{error}; remove the folder {self.path} and run its command again") from error

    def finish(self, result: RunResult) -> None:
        """Write the result, with the hashes of what it came from; the last thing a run does."""
        made = (self.best_weights, self.last_weights, self.history_file, self.predictions, self.environment)
        files = self._hash_all(self.path / _SPEC, *made)
        write_whole(self.path / "result.json", seal(msgspec.structs.replace(result, files=files)))

    def _begun(self) -> dict[str, str]:
        """Hash what is read of a run that came to no result."""
        return self._hash_all(self.path / _SPEC, self.history_file)

    def _hash_all(self, *files: Path) -> dict[str, str]:
        return hashes(self.path, [file.name for file in files if file.is_file()])
