"""Predictions in the layout of a sample submission."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kit.datasets import Dataset
from kit.datasets.dataset import SAMPLE_SUBMISSION
from kit.errors import SpecError, SubmissionError, first_three, option, require
from kit.inference.predictions import Predictions
from kit.sources.image_table import read_table
from kit.sources.sample_submission import check_columns


def fill(
    scores: Predictions, classes: Sequence[str], sample: pd.DataFrame | None, threshold: float | None
) -> pd.DataFrame:
    """Fill the layout of a sample submission with predictions.

    Args:
        scores: Predictions of n examples.
        classes: Names of the classes.
        sample: Cells of the sample submission: ids, then one column, or one for each class; None gives `id` and a
            column for each class.
        threshold: Threshold of the second class; see `predict`.

    Raises:
        SubmissionError: Predictions that are not numbers, or missing ids.
    """
    _refuse_nan(scores)
    if sample is None and threshold is None:
        return _columns(scores.keys, "id", classes, classes, scores.probabilities)
    if sample is None:
        return pd.DataFrame({"id": scores.keys, "label": _value(scores.probabilities, classes, threshold)})
    indices = {key: index for index, key in enumerate(scores.keys)}
    identifier, *values = sample.columns
    ids = sample[identifier].tolist()
    if missing := [key for key in ids if key not in indices]:
        raise SubmissionError(
            f"no prediction for ids of the sample submission: {first_three(missing, len(missing))};"
            " their images were rejected when sharding (see rejects.csv): repair them and shard again"
        )
    ordered = scores.probabilities[[indices[key] for key in ids]]
    if len(values) > 1:
        return _columns(ids, identifier, values, classes, ordered)
    return pd.DataFrame({identifier: ids, values[0]: _value(ordered, classes, threshold)})


def _value(
    probabilities: NDArray[np.float32], classes: Sequence[str], threshold: float | None
) -> list[str] | NDArray[np.float32]:
    if len(classes) > 2:  # noqa: PLR2004 (one column cannot hold more probabilities)
        return [classes[index] for index in probabilities.argmax(axis=1)]
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


def _refuse_nan(scores: Predictions) -> None:
    bad = np.flatnonzero(~scores.are_numbers)
    if len(bad):
        named = first_three((scores.keys[index] for index in bad), len(bad))
        raise SubmissionError(
            f"predictions are not numbers for {named}; the training diverged: lower train.learning_rate"
        )


def refuse_threshold(classes: Sequence[str], sample: pd.DataFrame | None) -> None:
    """Refuse a threshold unless there are two classes in one column.

    Raises:
        SpecError: More than two classes, or more than one value column.
    """
    require(len(classes) == 2, f"{option('threshold')} applies to two classes only; this dataset has {len(classes)}")  # noqa: PLR2004
    if sample is not None and len(sample.columns) > 2:  # noqa: PLR2004 (ids and a value)
        raise SpecError(f"{option('threshold')} needs one value column; the sample submission has one for each class")


def read_sample(dataset: Dataset) -> pd.DataFrame:
    """Read the sample submission stored with a dataset.

    Raises:
        SubmissionError: The file is missing, or it does not fit the dataset's classes.
    """
    path = dataset.folder / SAMPLE_SUBMISSION
    if not path.is_file():
        raise SubmissionError(f"{path} is missing; restore it, or shard again with {option('force', True)}")
    table = read_table(dataset.sample_submission or path)
    check_columns(path, list(table.columns), dataset.manifest.classes)
    return table
