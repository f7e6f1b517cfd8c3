"""A fold set: the runs of one setting, each validated on another fold, in one folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kit.errors import RunError, SpecError
from kit.files import write_whole, xxh128_file
from kit.runs.directory import RunDirectory
from kit.runs.mean_and_sd import MeanAndSD
from kit.seals import check_hash, read_sealed, seal

OUT_OF_FOLD = "out_of_fold.parquet"
_RESULT = "folds.json"
_FOLD = re.compile(r"fold-(\d+)")


class FoldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What predictions of some held-out images come to.

    Attributes:
        images: Images that were predicted.
        accuracy: Share of images whose class or grade, as decided, is the true one; None for tags and values.
        loss: Mean cross-entropy, nats; None where an output was not a number, and where outputs are no probabilities of
            classes or grades.
        auc: Area under the ROC curve of the second of two classes, or the mean of each class against the rest; None
            where a class is missing, and where there are none.
        score: Value of the dataset's metric, where that is another one than accuracy; None where it has none.
    """

    images: int
    accuracy: float | None
    loss: float | None
    auc: float | None
    score: float | msgspec.UnsetType | None = msgspec.UNSET


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """What cross-validation came to: figures of each fold, their spread, and those of all images pooled.

    Attributes:
        folds: Figures by fold.
        pooled: Figures of all held-out images together.
        accuracy: Mean and sample standard deviation over the folds; None where a fold has none.
        loss: Mean and sample standard deviation over the folds; None where a fold has none.
        auc: Mean and sample standard deviation over the folds; None where a fold has none.
        metric: Name of the dataset's metric, where that is another one than accuracy.
        score: Mean and sample standard deviation of that metric over the folds; None where a fold has none.
        files: XXH128 of the out-of-fold predictions, by the name of their file.
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
    """A fold set's files: fold-0, fold-1, … are runs; what they have in common is made anew from them."""

    path: Path

    @property
    def predictions(self) -> Path:
        """Out-of-fold predictions of all folds that are finished."""
        return self.path / OUT_OF_FOLD

    def run(self, fold: int) -> RunDirectory:
        """Where the run of a fold lies."""
        return RunDirectory(self.path / f"fold-{fold}")

    def finished(self) -> dict[int, RunDirectory]:
        """Find the finished runs, by fold."""
        found = (_FOLD.fullmatch(path.name) for path in self.path.glob("fold-*"))
        folds = sorted(int(match[1]) for match in found if match)
        return {fold: run for fold in folds if (run := self.run(fold)).is_finished}

    def result(self) -> FoldResult:
        """Read what the folds came to.

        Raises:
            RunError: no fold is finished.
        """
        path = self.path / _RESULT
        try:
            return read_sealed(path, FoldResult, what="fold set")
        except FileNotFoundError as error:
            raise RunError(f"{self.path} has no {_RESULT}; run its kit train --folds again") from error
        except SpecError as error:
            raise RunError(f"{error}; remove the file, and run its kit train --folds again") from error

    def finish(self, predictions: bytes, result: FoldResult) -> None:
        """Write what the runs have in common, the last thing a fold set does."""
        write_whole(self.predictions, predictions)
        files = {OUT_OF_FOLD: xxh128_file(self.predictions)}
        write_whole(self.path / _RESULT, seal(msgspec.structs.replace(result, files=files)))

    def refuse_changed(self) -> None:
        """Compare the out-of-fold predictions with those that were written, where there is a result that knows them.

        Raises:
            RunError: They were changed since.
        """
        if (self.path / _RESULT).is_file() and (expected := self.result().files.get(OUT_OF_FOLD)):
            try:
                check_hash(self.predictions, expected)
            except SpecError as error:
                raise RunError(f"{error}; run its kit train --folds again") from error
