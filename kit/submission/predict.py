"""Writes submission.csv: the sample submission's ids, order and columns, with a run's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.errors import SpecError, SubmissionError, first_three
from kit.files import refuse_overwrite, write_whole
from kit.progress import NO_PROGRESS, Progress
from kit.runs import RunDirectory, open_run
from kit.shards import Dataset, find_dataset
from kit.shards.dataset import SAMPLE_SUBMISSION
from kit.sources.table import check_columns, read_table
from kit.specs.settings import require
from kit.training.predictions import Scores
from kit.training.score import Weights, score_split
from kit.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Submission:
    """A file that was written.

    Attributes:
        path: of the CSV.
        rows: without the header.
        columns: names.
    """

    path: Path
    rows: int
    columns: tuple[str, ...]


def predict(
    run: str | Path,
    *,
    split: str = "test",
    output: Path | None = None,
    threshold: float | None = None,
    weights: Weights = "best",
    force: bool = False,
    root: Path | str | None = None,
    progress: Progress = NO_PROGRESS,
) -> Submission:
    """Predict a split and write it as a submission.

    For the test split of a dataset with a sample submission, the file has its ids, order and columns; otherwise it
    has `id` and a probability for each class, or with `threshold` `id` and `label`.
    A single value column gets the probability of the second of two
    classes (by name, so 1 of 0 and 1), or with `threshold` the class; of more than two classes, the likeliest.

    Args:
        run: path, or name below runs/.
        split: to predict.
        output: file; submissions/<run>.csv otherwise.
        threshold: probability from which an image counts as the second class.
        weights: "best" or "last" epoch.
        force: replace an existing file.
        root: of the workspace; KIT_ROOT or the current folder otherwise.
        progress: sees every batch.

    Raises:
        SubmissionError: ids or columns of the sample submission that the predictions do not fit.
        RunError: no such run, or it is of other data.
        WorkspaceError: the file exists and `force` is not set.
    """
    workspace = Workspace.at(root)
    directory = open_run(run, workspace)
    dataset = find_dataset(directory.spec().dataset, root=root)
    path = output or workspace.submission(_flat_name(directory, workspace))
    refuse_overwrite(path, force=force)
    sample = _sample(dataset) if split == "test" and dataset.manifest.sample_submission else None
    _check_threshold(threshold, dataset.manifest.classes, sample)
    scores = score_split(directory, dataset, split, weights=weights, progress=progress)
    table = fill(scores, dataset.manifest.classes, sample, threshold)
    write_whole(path, table.to_csv(index=False, lineterminator="\n"))
    return Submission(path, len(table), tuple(table.columns))


def fill(scores: Scores, classes: Sequence[str], sample: pd.DataFrame | None, threshold: float | None) -> pd.DataFrame:
    """Lay predictions out as the sample submission asks.

    Args:
        scores: of n examples.
        classes: names.
        sample: texts; ids, then one column or one for each class; None lays out `id` and a column for each class.
        threshold: see `predict`.

    Raises:
        SubmissionError: predictions that are not numbers, or missing ids.
    """
    _refuse_nan(scores)
    if sample is None and threshold is None:
        return _columns(scores.keys, "id", classes, classes, scores.probabilities)
    if sample is None:
        return pd.DataFrame({"id": scores.keys, "label": _value(scores.probabilities, classes, threshold)})
    places = {key: place for place, key in enumerate(scores.keys)}
    identifier, *values = sample.columns
    ids = sample[identifier].tolist()
    if missing := [key for key in ids if key not in places]:
        raise SubmissionError(
            f"no prediction for ids of the sample submission: {first_three(missing, len(missing))};"
            " their images were rejected when sharding (see rejects.csv): mend them and shard again"
        )
    ordered = scores.probabilities[[places[key] for key in ids]]
    if len(values) > 1:
        return _columns(ids, identifier, values, classes, ordered)
    return pd.DataFrame({identifier: ids, values[0]: _value(ordered, classes, threshold)})


def _value(
    probabilities: NDArray[np.float32], classes: Sequence[str], threshold: float | None
) -> list[str] | NDArray[np.float32]:
    if len(classes) > 2:  # noqa: PLR2004 (one column cannot hold more probabilities)
        return [classes[place] for place in probabilities.argmax(axis=1)]
    positive = probabilities[:, 1]
    return positive if threshold is None else [classes[int(value >= threshold)] for value in positive]


def _columns(
    ids: Sequence[str],
    identifier: str,
    names: Sequence[str],
    classes: Sequence[str],
    probabilities: NDArray[np.float32],
) -> pd.DataFrame:
    return pd.DataFrame({identifier: ids, **{name: probabilities[:, list(classes).index(name)] for name in names}})


def _refuse_nan(scores: Scores) -> None:
    bad = np.flatnonzero(~np.isfinite(scores.probabilities).all(axis=1))
    if len(bad):
        named = first_three((scores.keys[place] for place in bad), len(bad))
        raise SubmissionError(
            f"predictions are not numbers for {named}; the training diverged: lower train.learning_rate"
        )


def _check_threshold(threshold: float | None, classes: Sequence[str], sample: pd.DataFrame | None) -> None:
    if threshold is None:
        return
    require(0 <= threshold <= 1, f"threshold must be in [0, 1], got {threshold}")
    require(len(classes) == 2, f"--threshold parts two classes; this dataset has {len(classes)}")  # noqa: PLR2004
    if sample is not None and len(sample.columns) > 2:  # noqa: PLR2004 (ids and a value)
        raise SpecError("--threshold needs one value column; the sample submission has one for each class")


def _sample(dataset: Dataset) -> pd.DataFrame:
    path = dataset.folder / SAMPLE_SUBMISSION
    if not path.is_file():
        raise SubmissionError(f"{path} is missing; restore it, or shard again with --force")
    table = read_table(path)
    check_columns(path, list(table.columns), dataset.manifest.classes)
    return table


def _flat_name(directory: RunDirectory, workspace: Workspace) -> str:
    path = directory.path.resolve()
    runs = workspace.runs.resolve()
    return "-".join(path.relative_to(runs).parts) if path.is_relative_to(runs) else path.name
