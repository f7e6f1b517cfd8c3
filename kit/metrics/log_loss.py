"""Logarithmic losses, clipped as Kaggle does."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.errors import SpecError, unknown
from kit.metrics.averages import ImageWeights, ScoreValues, mean, ratio
from kit.metrics.declaration import LABELS, registered
from kit.metrics.forms import by_means

_SMALLEST = 1e-15  # probability; Kaggle's
_OF_COLUMN = re.compile(r"(?P<column>.+)=(?P<present>\d*\.?\d+)(?:/(?P<absent>\d*\.?\d+))?")

ColumnWeights = dict[str, tuple[float, float]]


def _losses(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    return (_class_losses if truth.ndim == 1 else _tag_losses)(truth, probabilities)


@registered(
    "log_loss",
    direction="min",
    judges="probabilities",
    targets=LABELS | {"tags"},
    form_of_weights=by_means(_losses),
)
def log_loss(truth: NDArray[Any], probabilities: NDArray[Any], weights: ImageWeights = None) -> ScoreValues:
    """Mean of -ln P of the true class; of tags, of -ln P of what is true of the tag, the mean over the tags.

    Lower is better; classes, grades and tags; judges probabilities.

    Rows of classes are rescaled to sum to 1, then probabilities clipped to [1e-15, 1 - 1e-15], as Kaggle does. Used by
    dog-breed-identification, leaf-classification, dogs-vs-cats-redux-kernels-edition.
    """
    return mean(_losses(truth, probabilities), weights)  # type: ignore[no-any-return]


def _read_weights(text: str) -> ColumnWeights:
    parts = {part: _OF_COLUMN.fullmatch(part) for part in text.split(":")}
    for part, found in parts.items():
        if found is None:
            raise SpecError(
                f"weighted_log_loss takes COLUMN=WEIGHT or COLUMN=WEIGHT/WEIGHT between colons, got '{part}'"
            )
    read = [found.groupdict() for found in parts.values() if found]
    return {one["column"]: (float(one["present"]), float(one["absent"] or one["present"])) for one in read}


@registered(
    "weighted_log_loss",
    form="weighted_log_loss:COLUMN=WEIGHT:…",
    pattern=r"weighted_log_loss:(?P<by_column>.+)",
    reads={"by_column": _read_weights},
    direction="min",
    judges="probabilities",
    targets=LABELS | {"tags"},
    takes_columns=True,
)
def weighted_log_loss(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights = None,
    *,
    by_column: ColumnWeights | None = None,
    columns: tuple[str, ...] = (),
) -> ScoreValues:
    """Mean of -ln P in which every class counts the same, or columns count by weights.

    Lower is better; classes, grades and tags; judges probabilities.

    Of classes, log_loss of each class's images, the mean over the classes that have images; the others are left out.
    Weights named after the metric are those of tags, or of classes: any=2 counts the column `any` twice, all others
    once; any=14/7 weighs images that have the tag by 14, all others by 7; *=2/1 names all other columns. An image's
    loss is divided by its weights' sum. Without them, all tags count the same. Used by mayo-clinic-strip-ai
    (classes), rsna-intracranial-hemorrhage-detection (any=2), rsna-2022-cervical-spine-fracture-detection
    (patient_overall=14/7:*=2/1).
    """
    if truth.ndim == 1:
        return _by_class(truth, probabilities, weights, by_column or {}, columns)
    present, absent = _weights_of(by_column or {}, columns, truth.shape[1])
    counted = np.where(truth.astype(bool), present, absent)
    rows = ratio((counted * _tag_losses(truth, probabilities)).sum(axis=1), counted.sum(axis=1))
    return float(mean(rows, weights))


def _by_class(
    truth: NDArray[Any],
    probabilities: NDArray[Any],
    weights: ImageWeights,
    by_column: ColumnWeights,
    columns: tuple[str, ...],
) -> ScoreValues:
    classes = probabilities.shape[1]
    weigh = np.ones(len(truth)) if weights is None else weights
    losses = np.bincount(truth, weigh * _class_losses(truth, probabilities), classes)
    each = np.asarray(ratio(losses, np.bincount(truth, weigh, classes)))
    if not by_column:
        return each
    present, _ = _weights_of(by_column, columns, classes)
    there = ~np.isnan(each)
    return float(ratio(present[there] @ each[there], present[there].sum()))


def _weights_of(
    by_column: ColumnWeights, columns: tuple[str, ...], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Look up every column's weights where it is present and where it is absent."""
    for name in by_column.keys() - {"*"}:
        if name not in columns:
            raise SpecError(f"weighted_log_loss: {unknown('column', name, columns)}")
    others = by_column.get("*", (1.0, 1.0))
    pairs = [by_column.get(name, others) for name in columns] or [others] * count
    present, absent = np.array(pairs, np.float64).T
    return present, absent


def _class_losses(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    sums = probabilities.sum(axis=1, dtype=np.float64)
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.clip(own / np.where(sums > 0, sums, 1), _SMALLEST, 1 - _SMALLEST)))


def _tag_losses(truth: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    clipped = np.clip(probabilities.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    return -np.where(truth.astype(bool), np.log(clipped), np.log1p(-clipped))
