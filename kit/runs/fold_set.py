"""Fold sets: the runs of one setting, each validated on another fold, in one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.errors import RunError, SpecError, worded
from kit.files import write_whole, xxh128_file
from kit.runs.directory import RunDirectory
from kit.runs.mean_and_sd import MeanAndSD
from kit.seals import check_hash, read_sealed, seal

OUT_OF_FOLD = "out_of_fold.parquet"
FOLDS = "folds.json"
_TRAINING = worded("kit train --folds", "kit.train_folds")
_FOLD = re.compile(r"fold-(\d+)")


class FoldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics of the predictions of held-out images.

    Attributes:
        images: Number of images.
        accuracy: Share of images whose class or grade, as decided, is the true one; None for tags and values.
        loss: Mean cross-entropy, nats; None if an output was not a number, or outputs are no probabilities of classes
            or grades.
        auc: Area under the ROC curve of the second of two classes, or the mean of each class against the rest; None if
            a class is missing, or outputs are no probabilities of classes or grades.
        score: Value of the dataset's metric, unless that is the accuracy; None if it has none.
    """

    images: int
    accuracy: float | None
    loss: float | None
    auc: float | None
    score: float | msgspec.UnsetType | None = msgspec.UNSET


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a cross-validation: metrics of each fold, their spread, and metrics of all images pooled.

    Attributes:
        folds: Metrics by fold.
        pooled: Metrics of all held-out images together.
        accuracy: Mean and sample standard deviation over the folds; None if a fold has no accuracy.
        loss: Mean and sample standard deviation over the folds; None if a fold has no loss.
        auc: Mean and sample standard deviation over the folds; None if a fold has no AUC.
        metric: Name of the dataset's metric, unless that is the accuracy.
        score: Mean and sample standard deviation of that metric over the folds; None if a fold has no value.
        files: XXH128 of the file of out-of-fold predictions, by name.
        seal: XXH128 over all other fields; see `kit.seals`.
    """

    folds: Mapping[int, FoldFigures]
    pooled: FoldFigures
    accuracy: MeanAndSD | None
    loss: MeanAndSD | None
    auc: MeanAndSD | None
    metric: str | msgspec.UnsetType = msgspec.UNSET
    score: MeanAndSD | msgspec.UnsetType | None = msgspec.UNSET
    files: Mapping[str, str] = {}
    seal: str = ""


@dataclass(frozen=True, slots=True)
class FoldSet:
    """The files of a fold set: the runs fold-0, fold-1, …, and their joint predictions and result."""

    path: Path

    @property
    def predictions(self) -> Path:
        """Out-of-fold predictions of all finished folds."""
        return self.path / OUT_OF_FOLD

    def run(self, fold: int) -> RunDirectory:
        """Return the directory of a fold's run."""
        return RunDirectory(self.path / f"fold-{fold}")

    def finished(self) -> dict[int, RunDirectory]:
        """Return the finished runs by fold."""
        found = (_FOLD.fullmatch(path.name) for path in self.path.glob("fold-*"))
        folds = sorted(int(match[1]) for match in found if match)
        return {fold: run for fold in folds if (run := self.run(fold)).is_finished}

    def result(self) -> FoldResult:
        """Read the result.

        Raises:
            RunError: No fold is finished.
        """
        path = self.path / FOLDS
        try:
            return read_sealed(path, FoldResult, what="fold set")
        except FileNotFoundError as error:
            raise RunError(f"{self.path} has no {FOLDS}; run its {_TRAINING} again") from error
        except SpecError as error:
            raise RunError(f"{error}; remove the file, and run its {_TRAINING} again") from error

    def finish(self, predictions: bytes, result: FoldResult) -> None:
        """Write the joint predictions and the result, the last step of a fold set."""
        write_whole(self.predictions, predictions)
        files = {OUT_OF_FOLD: xxh128_file(self.predictions)}
        write_whole(self.path / FOLDS, seal(msgspec.structs.replace(result, files=files)))

    def refuse_changed(self) -> None:
        """Compare the out-of-fold predictions with their hash in the result, if there is one.

        Raises:
            RunError: The predictions were changed.
        """
        if (self.path / FOLDS).is_file() and (expected := self.result().files.get(OUT_OF_FOLD)):
            try:
                check_hash(self.predictions, expected)
            except SpecError as error:
                raise RunError(f"{error}; run its {_TRAINING} again") from error
