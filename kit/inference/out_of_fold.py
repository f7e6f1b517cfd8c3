"""Out-of-fold predictions: each image is predicted by runs that were not trained on it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from kit.datasets import Dataset
from kit.datasets.manifest import NO_FOLD
from kit.errors import RunError, SpecError, worded
from kit.files import write_whole, xxh128_file
from kit.inference.columns import classes_of, column_names, column_values, expected_names, outputs_of
from kit.inference.dataset_metric import own_score
from kit.inference.predict_split import predict_split
from kit.inference.predictions import Predictions, average, join, read_predictions
from kit.metrics import Metric, find_metric
from kit.metrics.score import known
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, RunSnapshot
from kit.runs.fold_set import OUT_OF_FOLD, FoldFigures, FoldResult, FoldSet
from kit.runs.mean_and_sd import MeanAndSD, mean_and_sd_of
from kit.runs.provenance import read_provenance, refuse_changed
from kit.seals import check_hash, read_sealed, seal
from kit.specs.train import Weights
from kit.specs.views import ONE_VIEW, Views
from kit.targets import Target

ScoredOn = Literal["out-of-fold", "validation"]

_COLUMNS = ("id", "fold", "label")
_AGAIN = "evaluate again, or give out-of-fold predictions of this dataset"


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Held-out predictions, fold by fold.

    Attributes:
        folds: Int32 [n], fold of each image; -1 for the dataset's own validation split.
        scores: Predictions of the n images.
    """

    folds: NDArray[np.int32]
    scores: Predictions

    @property
    def target(self) -> Target:
        """Meaning of labels and outputs."""
        return self.scores.target

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, tags or grades, or of the values."""
        return self.target.names

    @property
    def scored_on(self) -> ScoredOn:
        """Name of the images in reports."""
        return "validation" if (self.folds == NO_FOLD).all() else "out-of-fold"

    def parts(self) -> dict[int, Predictions]:
        """Divide by fold."""
        return {int(fold): self.scores.at(np.flatnonzero(self.folds == fold)) for fold in np.unique(self.folds)}

    def result(self, metric: Metric | None = None) -> FoldResult:
        """Compute the metrics of every fold and of all folds together.

        Args:
            metric: Metric of the dataset; None for its target's default.

        Raises:
            RunError: No image was held out.
        """
        metric = metric or find_metric(self.target.default_metric)
        folds = {fold: _figures(scores, metric) for fold, scores in self.parts().items()}
        if not folds:
            raise RunError("no image was held out")
        pooled = _figures(self.scores, metric)
        is_named = pooled.score is not msgspec.UNSET
        return FoldResult(
            folds=folds,
            pooled=pooled,
            accuracy=_over([one.accuracy for one in folds.values()]),
            loss=_over([one.loss for one in folds.values()]),
            auc=_over([one.auc for one in folds.values()]),
            metric=metric.name if is_named else msgspec.UNSET,
            score=_over([None if one.score is msgspec.UNSET else one.score for one in folds.values()])
            if is_named
            else msgspec.UNSET,
        )

    def parquet(self) -> bytes:
        """Write a Parquet file of id, fold, label (as text) and a float32 column for each column of the outputs.

        Above 1,000 classes the columns are guess_1 (text), probability_1 (float32) and so on to the 20th.
        """
        import pyarrow as pa
        from pyarrow import parquet

        scores, target = self.scores, self.target
        labels = pa.array([target.text(label) for label in scores.labels])
        columns = [pa.array(scores.keys), pa.array(self.folds), labels]
        columns += map(pa.array, column_values(target, scores.outputs))
        file = io.BytesIO()
        names = [*_COLUMNS, *column_names(target, scores.outputs)]
        parquet.write_table(pa.Table.from_arrays(columns, names=names), file)
        return file.getvalue()


def _figures(scores: Predictions, metric: Metric) -> FoldFigures:
    """Measure by what fits the target, and by its metric unless that is the accuracy."""
    is_named = scores.target.is_partition
    has_chances = is_named and scores.have_all
    return FoldFigures(
        images=len(scores.keys),
        accuracy=scores.accuracy if is_named else None,
        loss=known(scores.loss) if has_chances else None,
        auc=scores.auc if has_chances else None,
        score=own_score(scores, metric),
    )


def _over(values: Sequence[float | None]) -> MeanAndSD | None:
    """Mean and sample standard deviation over the folds; None where a fold has no value."""
    known = [value for value in values if value is not None]
    return mean_and_sd_of(known) if len(known) == len(values) else None


def read_out_of_fold(path: Path, target: Target | None = None) -> OutOfFold:
    """Read a file written by `OutOfFold.parquet`, or by another program with the same columns.

    Args:
        path: Parquet file.
        target: Target of the images; None takes the columns for classes. More than 1,000 need it.

    Raises:
        RunError: The file is missing, or lacks these columns, or its classes are unknown.
        SpecError: The seal of an evaluation beside it was changed.
        WorkspaceError: The file was changed since an evaluation wrote it.
    """
    import pyarrow as pa
    from pyarrow import parquet

    if path.name == OUT_OF_FOLD and path.is_file():
        FoldSet(path.parent).refuse_changed()
        if made := read_provenance(path.parent):
            refuse_changed(path.parent, made, path.name)
    try:
        table = parquet.ParquetFile(path).read()  # by index: a class may be called id
        names = table.column_names[len(_COLUMNS) :]
        target = target or classes_of(path, names)
        _refuse_other_columns(path, names, expected_names(target, names))
        keys, folds, labels, *columns = (column.to_pylist() for column in table.columns)
        scores = Predictions(
            [str(key) for key in keys],
            target.encode(list(map(str, labels))),
            outputs_of(target, names, columns, len(keys)),
            target,
        )
        held_out = OutOfFold(np.asarray(folds, np.int32), scores)
    except FileNotFoundError as error:
        raise RunError(
            f"{path} does not exist; {worded('kit train --folds', 'kit.train_folds')} writes {path.name}"
        ) from error
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} lacks the columns id, fold, label and one for each class: {error}; {_AGAIN}") from error
    if tuple(table.column_names[: len(_COLUMNS)]) != _COLUMNS or not keys or len(set(scores.keys)) < len(keys):
        raise RunError(f"{path} must begin with the columns {', '.join(_COLUMNS)}, and name every image once")
    return held_out


def _refuse_other_columns(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    if list(names) != list(wanted):
        raise RunError(f"{path} has the columns {', '.join(names)}, its dataset {', '.join(wanted)}; {_AGAIN}")


def predict_out_of_fold(
    run: RunDirectory,
    dataset: Dataset,
    *,
    weights: Weights | None = None,
    views: Views = ONE_VIEW,
    progress: Progress = NO_PROGRESS,
) -> Predictions:
    """Predict a run's validation images; a finished run stores the predictions, so that they are computed once.

    Stored predictions that were damaged, or lack images, are computed again.

    Raises:
        RunError: The run cannot predict; see `predict_split`.
    """
    path, fold = run.held_out(weights or run.spec().train.evaluate, str(views)), run.spec().fold
    kept = kept_scores(run, path, run.weights(weights), dataset.manifest.target) if run.is_finished else None
    if kept and len(kept.keys) == dataset.for_fold(fold).manifest.records("validation"):
        return kept
    task = f"predict {'validation' if fold is None else f'fold {fold}'}"
    scores = predict_split(run, dataset, "validation", weights=weights, views=views, task=task, progress=progress)
    if run.is_finished:
        write_whole(path, scores.csv())
        if path != run.predictions:
            kept_by = _Kept(weights=run.hash_of(run.weights(weights)), predictions=xxh128_file(path))
            write_whole(_seal_file(path), seal(kept_by))
    return scores


def kept_scores(run: RunDirectory, path: Path, weights: Path, target: Target) -> Predictions | None:
    """Read stored predictions of a finished run; None if there are none by these weights, or they were changed."""
    with contextlib.suppress(RunError, OSError, SpecError):
        if path != run.predictions:  # sealed with the run itself
            _refuse_other(run, path, weights)
        return read_predictions(run.checked(path), target)
    return None


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Checksums of a file of predictions and of the weights that made it."""

    weights: str
    predictions: str
    seal: str = ""


def _seal_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.seal.json")


def _refuse_other(run: RunDirectory, path: Path, weights: Path) -> None:
    """Refuse predictions of other weights.

    Raises:
        SpecError: The predictions are of other weights, or were changed.
        FileNotFoundError: There is no seal.
    """
    kept = read_sealed(_seal_file(path), _Kept, what="prediction")
    if run.hash_of(weights) != kept.weights:
        raise SpecError(f"{path} holds predictions of other weights than {weights}")
    check_hash(path, kept.predictions)


def hold_out(
    runs: Sequence[RunDirectory],
    dataset: Dataset,
    *,
    weights: Weights | None = None,
    views: Views = ONE_VIEW,
    progress: Progress = NO_PROGRESS,
) -> OutOfFold | None:
    """Predict every image by the runs that were not trained on it; several runs of one fold are averaged.

    Returns:
        Predictions; None for a mixture of runs on folds and runs on the dataset's own split, which are trained on each
        other's validation images.
    """
    if not is_held_out(runs):
        return None
    by_fold: dict[int | None, list[RunSnapshot]] = {}
    for run in map(RunSnapshot.of, runs):
        by_fold.setdefault(run.spec().fold, []).append(run)
    folds = sorted(by_fold.items(), key=lambda item: -1 if item[0] is None else item[0])
    parts = [
        average([predict_out_of_fold(run, dataset, weights=weights, views=views, progress=progress) for run in members])
        for _, members in folds
    ]
    numbers = [
        np.full(len(part.keys), NO_FOLD if fold is None else fold, np.int32)
        for (fold, _), part in zip(folds, parts, strict=True)
    ]
    return OutOfFold(np.concatenate(numbers), join(parts))


def is_held_out(runs: Sequence[RunDirectory]) -> bool:
    """Return whether `hold_out` can predict."""
    return len({run.spec().fold is None for run in runs}) == 1
